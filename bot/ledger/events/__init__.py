"""Networks whose usage is read event by event: batches are stored, and a day is rolled up once it is complete."""
