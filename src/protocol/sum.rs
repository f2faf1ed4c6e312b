//! How many match.
