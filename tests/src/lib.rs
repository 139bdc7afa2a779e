#![forbid(unsafe_code)]
//! Tests that span the crates. What several of them share lives here.
