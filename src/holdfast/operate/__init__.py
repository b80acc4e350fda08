"""What operators do, over the queue's contract alone, so that every engine gets it."""
