//! Prospects by what Dover knows of them.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{CONNECTION, Person, TestApp};

async fn listed(app: &TestApp, query: &str) -> Vec<String> {
    let path = format!("/v1/connections/{CONNECTION}/prospects?{query}");
    let found = app.get(&path).await.ok();
    let items = found["items"].as_array().unwrap().iter();
    let names = items.map(|item| item["name"].as_str().unwrap().to_owned());
    names.collect()
}

async fn with_people() -> TestApp {
    let app = TestApp::with_job().await;
    let fields = ["fields.seniority", "fields.skills", "fields.years"];
    app.map(json!({ "filterable": fields })).await;
    for (name, fields) in [
        (
            "Ada",
            json!({ "seniority": "staff", "skills": ["rust", "sql"], "years": 7 }),
        ),
        (
            "Grace",
            json!({ "seniority": "staff", "skills": "sql", "years": "7" }),
        ),
        ("Alan", json!({ "seniority": "lead", "skills": ["rust"] })),
        ("Edsger", Value::Null),
    ] {
        let mut who = Person::new(name);
        who.contact["fields"] = fields;
        app.says(&who, "replied").await;
    }
    app
}

#[tokio::test]
async fn prospects_are_listed_by_what_the_map_makes_a_filter() {
    let app = with_people().await;
    for (query, expected) in [
        ("field.seniority=staff", &["Ada", "Grace"][..]),
        ("field.skills=sql", &["Ada", "Grace"]),
        ("field.skills=rust&field.seniority=staff", &["Ada"]),
        ("field.years=7", &["Ada", "Grace"]),
        ("field.seniority=junior", &[]),
        (
            "field.seniority=staff&dover_candidate_id=cand_grace",
            &["Grace"],
        ),
        ("field.seniority=staff&limit=1", &["Ada"]),
    ] {
        assert_eq!(listed(&app, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn a_filter_that_the_map_does_not_make_is_refused_with_those_that_it_does() {
    let app = with_people().await;
    let path = format!("/v1/connections/{CONNECTION}/prospects?field.senority=staff");
    let refused = app.get(&path).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let fault = &refused.body["faults"][0];
    assert_eq!(fault["pointer"], "/field.senority");
    assert!(
        fault["detail"]
            .as_str()
            .unwrap()
            .contains("seniority, skills, years"),
        "{fault}"
    );
}
