"""Small local servers that store what the platforms store, enforce their limits and fail on demand."""
