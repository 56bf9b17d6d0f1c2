"""Networks whose usage is read event by event: batches are kept, and a day is added up once it is complete."""
