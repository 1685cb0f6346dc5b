"""Regions of rasters of any size: strips of rows come in, one region graph, whatever their height, goes out."""
