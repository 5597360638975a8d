"""One function a page: a question and the project become an answer."""
