"""Small local servers that keep what the platforms keep, enforce their limits and fail on demand."""
