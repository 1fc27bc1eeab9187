//! The client of the OpenAI-compatible API.
