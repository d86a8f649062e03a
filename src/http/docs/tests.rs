//! Holds the page to what a reader relies on.

use std::collections::BTreeSet;

use axum::http::header;

use super::*;

fn attributes<'p>(page: &'p str, name: &str) -> Vec<&'p str> {
    let start = format!("{name}=\"");
    let parts = page.split(start.as_str()).skip(1);
    parts.filter_map(|part| part.split('"').next()).collect()
}

#[test]
fn every_operation_and_every_shape_has_a_place_on_the_page() {
    let ids: BTreeSet<_> = attributes(&PAGE, " id").into_iter().collect();
    let document = openapi::value();
    for tag in each(document, "tags") {
        for operation in operations(document, text(tag, "name")) {
            assert!(ids.contains(operation.id()), "{}", operation.id());
        }
    }
    for name in document["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
    {
        assert!(ids.contains(format!("shape-{name}").as_str()), "{name}");
    }
}

#[test]
fn every_link_leads_to_a_place_on_the_page() {
    let ids = attributes(&PAGE, " id");
    let unique: BTreeSet<_> = ids.iter().collect();
    assert_eq!(ids.len(), unique.len(), "no two places have one name");
    for link in attributes(&PAGE, "href") {
        let is_here = link
            .strip_prefix('#')
            .is_some_and(|id| unique.contains(&id));
        assert!(is_here || link == "/openapi.yaml", "{link}");
    }
}

#[test]
fn the_page_loads_and_runs_nothing() {
    for sign in [
        "<script", "<link", "<img", "<iframe", "src=", "url(", "@import", " style=", " on",
    ] {
        // Words such as "on" stand in sentences; what matters stands in tags.
        let in_tags = PAGE.split('<').filter_map(|part| part.split('>').next());
        let mut in_tags = in_tags.map(|tag| format!("<{tag}"));
        assert!(!in_tags.any(|tag| tag.contains(sign)), "{sign}");
    }
    for sign in ["url(", "@import"] {
        assert!(!STYLE.contains(sign), "{sign}");
    }
}

#[tokio::test]
async fn the_policy_allows_the_style_of_the_page_and_nothing_else() {
    let response = serve().await.into_response();
    let policy = response.headers()[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap();
    let style = PAGE
        .split("<style>")
        .nth(1)
        .unwrap()
        .split("</style>")
        .next()
        .unwrap();
    let digest = STANDARD.encode(Sha256::digest(style));
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(policy.contains(&digest), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
}
