"""For your tests, and for ours."""
