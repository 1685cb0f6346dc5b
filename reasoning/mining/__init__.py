"""Mining: labelled tiles come in; rules that an expert may accept go out."""
