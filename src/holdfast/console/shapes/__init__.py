"""What the API answers with, as types: the document that describes it is made from these."""
