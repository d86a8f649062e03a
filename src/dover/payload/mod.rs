//! What Dover says, out of the bytes it sent.
