//! `openapi.yaml` is what the program prints.

use std::{fs, path::Path};

use dover_ashby_sync::http::openapi;

#[test]
fn the_document_in_the_repository_is_that_of_the_program() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.yaml");
    let kept = fs::read_to_string(file).unwrap_or_default();
    let printed = openapi::yaml();
    let mut lines = kept.lines().zip(printed.lines()).enumerate();
    let differs = lines.find(|(_, (kept, printed))| kept != printed);
    let line = differs.map_or(0, |(line, _)| line + 1);
    assert!(
        kept == printed,
        "openapi.yaml is out of date, first in line {line}: run `cargo run -- openapi > openapi.yaml`"
    );
}
