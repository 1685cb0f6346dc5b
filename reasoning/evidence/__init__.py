"""Evidence layers come in; what they say of each label, as noisy observations, goes out."""
