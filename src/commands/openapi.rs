//! `openapi`: prints the document. `openapi.yaml` is what it prints.

use crate::http::openapi;

/// Prints the OpenAPI document as YAML.
#[expect(
    clippy::print_stdout,
    reason = "the document is the output of this command"
)]
pub fn run() {
    print!("{}", openapi::yaml());
}
