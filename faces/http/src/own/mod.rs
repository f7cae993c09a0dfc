//! What is nobody else's shape: tokens, health, counts.

pub mod health;

pub mod tokens;
