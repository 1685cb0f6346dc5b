"""Backbones: model folders and checkpoint files come in, encoders of images and prompts go out."""
