//! The list that keeps itself: who counts, by what Ashby holds.

use reqwest::Method;
use serde_json::{Value, json};

use super::of_list;
use crate::app::{Person, TOKEN, TestApp};

/// Somebody in Ashby, with an application for another job than the one that Dover sources for. Answers both.
async fn in_ashby(app: &TestApp, job: &Value, name: &str) -> (Value, Value) {
    let slug = name.to_lowercase();
    let body = json!({ "name": name, "email": format!("{slug}@example.com") });
    let candidate = app.sim("candidates", body).await;
    let body = json!({ "candidateId": candidate["id"], "jobId": job["id"] });
    let application = app.sim("applications", body).await;
    (candidate, application)
}

/// Somebody for each way to be on the list, looked at by a flush, and one for whom there is none.
async fn a_team() -> (TestApp, Vec<&'static str>) {
    let app = TestApp::with_job().await;
    let job = app.sim("jobs", json!({ "title": "Designer" })).await;
    in_ashby(&app, &job, "Active").await;
    let (_, archived) = in_ashby(&app, &job, "Archived").await;
    app.recruiter(
        "archive",
        &archived,
        json!({ "at": "2026-09-21T10:00:00Z" }),
    )
    .await;
    let (_, hired) = in_ashby(&app, &job, "Hired").await;
    app.recruiter("hire", &hired, json!({ "at": "2020-01-01T10:00:00Z" }))
        .await;
    let (tagged, old) = in_ashby(&app, &job, "Tagged").await;
    app.recruiter("archive", &old, json!({ "at": "2020-01-01T10:00:00Z" }))
        .await;
    app.tag(&tagged, "Do not contact").await;
    let (_, old) = in_ashby(&app, &job, "Old").await;
    app.recruiter("archive", &old, json!({ "at": "2020-01-01T10:00:00Z" }))
        .await;
    app.flush().await;
    (app, vec!["Active", "Archived", "Hired", "Tagged", "Old"])
}

fn emails(names: &[&str]) -> Value {
    let people = names.iter().map(|name| {
        let email = format!("{}@example.com", name.to_lowercase());
        json!({ "emails": [email] })
    });
    people.collect()
}

#[tokio::test]
async fn each_rule_counts_whom_it_says_and_nobody_else() {
    let (app, names) = a_team().await;
    let nobody: Vec<&str> = Vec::new();
    for (rules, expected) in [
        (json!({}), nobody),
        (json!({ "in_process": true }), vec!["Active"]),
        (json!({ "hired": true }), vec!["Hired"]),
        (json!({ "archived_within_months": 3 }), vec!["Archived"]),
        (json!({ "archived_within_months": 1 }), vec![]),
        (json!({ "cool_down_months": 3 }), vec!["Active", "Archived"]),
        (json!({ "tags": ["do not  CONTACT"] }), vec!["Tagged"]),
        (json!({ "tags": ["Do not"] }), vec![]),
        (json!({ "email_domains": ["Example.com"] }), names.clone()),
        (json!({ "email_domains": ["ample.com"] }), vec![]),
    ] {
        app.set_rules(rules.clone()).await;
        let found = app.asked(emails(&names)).await;
        let on: Vec<&str> = names
            .iter()
            .zip(&found)
            .filter(|(_, answer)| answer["excluded"] == true)
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(on, expected, "{rules}");
        for answer in found.iter().filter(|answer| answer["excluded"] == true) {
            let rule = answer["rule"].as_str().unwrap();
            assert!(rules.get(rule).is_some(), "{answer}");
        }
    }
}

#[tokio::test]
async fn somebody_is_found_by_the_hash_of_their_address_alone() {
    use dover_ashby_sync::plan::identity::IdentityKey;
    let (app, _) = a_team().await;
    app.set_rules(json!({ "hired": true })).await;
    let digest = hex::encode(IdentityKey::email("hired@example.com").unwrap().digest());
    let found = app.asked(json!([{ "sha256": [digest] }])).await;
    assert_eq!(
        (&found[0]["rule"], &found[0]["matched"]),
        (&json!("hired"), &json!("sha256"))
    );
    // The domain is known of them from Ashby.
    app.set_rules(json!({ "email_domains": ["example.com"] }))
        .await;
    let digest = hex::encode(IdentityKey::email("old@example.com").unwrap().digest());
    let found = app.asked(json!([{ "sha256": [digest] }])).await;
    assert_eq!(found[0]["rule"], "email_domains");
}

#[tokio::test]
async fn a_company_counts_as_ashby_has_it_too() {
    let app = TestApp::with_job().await;
    let body = json!({ "name": "Peter", "email": "peter@example.com", "company": "Initech" });
    app.sim("candidates", body).await;
    let body = json!({ "name": "Milton", "email": "milton@example.com", "company": "Initrode" });
    app.sim("candidates", body).await;
    app.flush().await;
    app.set_rules(json!({ "companies": ["INITECH "] })).await;
    let found = app.asked(emails(&["Peter", "Milton"])).await;
    assert_eq!(
        (&found[0]["rule"], &found[0]["matched"]),
        (&json!("companies"), &json!("email"))
    );
    assert_eq!(found[1]["excluded"], false);
    app.says(&Person::new("Peter"), "replied").await;
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.reason("cand_peter").await, "excluded");
}

#[tokio::test]
async fn a_window_ends_by_itself() {
    let (app, _) = a_team().await;
    app.set_rules(json!({ "archived_within_months": 3 })).await;
    let who = emails(&["Archived"]);
    assert_eq!(app.asked(who.clone()).await[0]["excluded"], true);
    app.wait(31 * 24 * 60);
    assert_eq!(app.asked(who).await[0]["excluded"], false);
}

#[tokio::test]
async fn whoever_falls_under_a_rule_is_left_alone_until_it_is_off() {
    let (app, _) = a_team().await;
    app.set_rules(
        json!({ "in_process": true, "tags": ["Do not contact"], "companies": ["Initech"] }),
    )
    .await;
    let people = [
        Person::new("Active"),
        Person::new("Tagged"),
        Person::new("Old"),
    ];
    let works =
        Person::new("Peter").with(json!({ "email": "peter@example.com", "company": "initech" }));
    for who in people.iter().chain([&works]) {
        app.says(who, "replied").await;
    }
    app.flush_to_rest().await;
    for (who, expected) in [
        ("cand_active", "excluded"),
        ("cand_tagged", "excluded"),
        ("cand_peter", "excluded"),
        ("cand_old", "created"),
    ] {
        assert_eq!(app.reason(who).await, expected, "{who}");
    }
    let sentence = app.prospect("cand_tagged").await["last_decision"]["reason"]["sentence"].clone();
    assert!(
        sentence.as_str().unwrap().contains("Do not contact"),
        "{sentence}"
    );
    app.set_rules(json!({})).await;
    app.flush_to_rest().await;
    assert_eq!(app.reason("cand_active").await, "created");
}

#[tokio::test]
async fn what_the_service_made_itself_keeps_nobody_from_another_job() {
    let app = TestApp::with_job().await;
    app.register("job_7", "Designer").await;
    app.set_rules(json!({ "in_process": true, "cool_down_months": 12 }))
        .await;
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    app.flush().await;
    app.says(&ada.clone().on("job_7"), "replied").await;
    app.flush_to_rest().await;
    let there = app.prospect_of(&ada.on("job_7")).await;
    assert_eq!(there["last_decision"]["reason"]["code"], "created");
}

/// What Dover is told of Ada on another job than hers, and whether hers goes on.
async fn sourced_again(app: &TestApp, ada: &Person) -> Value {
    app.flush().await;
    app.wait(15);
    app.says(ada, "not_interested").await;
    let elsewhere = ada.clone().on("job_7");
    app.says(&elsewhere, "replied").await;
    app.flush_to_rest().await;
    let here = app.prospect_of(ada).await["last_decision"]["reason"].clone();
    assert_ne!(here["code"], "excluded");
    let there = app.prospect_of(&elsewhere).await;
    there["last_decision"]["reason"].clone()
}

#[tokio::test]
async fn whoever_has_come_far_is_in_process_whoever_made_the_application() {
    let app = TestApp::with_job().await;
    app.register("job_7", "Designer").await;
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    let application = app.application("Ada").await;
    app.recruiter("move", &application, json!({ "stage": "Onsite" }))
        .await;
    app.set_rules(json!({ "in_process": true })).await;
    let reason = sourced_again(&app, &ada).await;
    assert_eq!(reason["code"], "excluded", "{reason}");
    assert_eq!(app.asked(emails(&["Ada"])).await[0]["rule"], "in_process");
    let given = app.given_out().await;
    assert_eq!(given.len(), 1);
    assert!(given[0].ends_with(",they are in process"), "{given:?}");
}

#[tokio::test]
async fn an_application_that_was_only_met_counts() {
    let app = TestApp::connected().await;
    let job = app.register("job_42", "Staff Engineer").await;
    app.register("job_7", "Designer").await;
    in_ashby(&app, &job, "Ada").await;
    let ada = Person::new("Ada");
    app.says(&ada, "new_lead").await;
    app.flush_to_rest().await;
    assert_eq!(app.applications("Ada").await.len(), 1);
    app.set_rules(json!({ "in_process": true })).await;
    let reason = sourced_again(&app, &ada).await;
    assert_eq!(reason["code"], "excluded", "{reason}");
}

#[tokio::test]
async fn an_application_that_took_the_place_of_ours_counts() {
    let app = TestApp::connected().await;
    let job = app.register("job_42", "Staff Engineer").await;
    app.register("job_7", "Designer").await;
    let ada = Person::new("Ada");
    app.says(&ada, "new_lead").await;
    app.flush_to_rest().await;
    let ours = app.application("Ada").await;
    let path = format!("applications/{}", ours["id"].as_str().unwrap());
    app.sim_as(Method::DELETE, &path, None).await;
    let theirs =
        json!({ "candidateId": ours["candidateId"], "jobId": job["id"], "stage": "New Lead" });
    app.sim("applications", theirs).await;
    app.wait(15);
    app.resync(&ada, "?relink=true").await;
    app.flush_to_rest().await;
    app.set_rules(json!({ "in_process": true })).await;
    let reason = sourced_again(&app, &ada).await;
    assert_eq!(reason["code"], "excluded", "{reason}");
}

#[tokio::test]
async fn an_end_counts_whoever_made_the_application() {
    for rules in [
        json!({ "cool_down_months": 6 }),
        json!({ "archived_within_months": 6 }),
    ] {
        let app = TestApp::with_job().await;
        app.register("job_7", "Designer").await;
        let ada = Person::new("Ada");
        app.says(&ada, "replied").await;
        app.flush_to_rest().await;
        app.recruiter("archive", &app.application("Ada").await, json!({}))
            .await;
        app.set_rules(rules.clone()).await;
        let reason = sourced_again(&app, &ada).await;
        assert_eq!(reason["code"], "excluded", "{rules}: {reason}");
    }
}

#[tokio::test]
async fn the_list_follows_ashby_with_each_flush() {
    let (app, _) = a_team().await;
    app.set_rules(json!({ "in_process": true, "tags": ["Do not contact"] }))
        .await;
    assert_eq!(app.asked(emails(&["Old"])).await[0]["excluded"], false);
    let old = app.candidates("Old").await[0].clone();
    app.tag(&old, "Do not contact").await;
    let application = app.application("Archived").await;
    app.recruiter("unarchive", &application, json!({})).await;
    app.flush().await;
    let found = app.asked(emails(&["Old", "Archived"])).await;
    assert_eq!(
        (&found[0]["rule"], &found[1]["rule"]),
        (&json!("tags"), &json!("in_process"))
    );
}

#[tokio::test]
async fn the_list_is_given_out_with_whom_the_rules_keep_on_it() {
    let (app, _) = a_team().await;
    app.set_rules(json!({ "hired": true, "tags": ["Do not contact"] }))
        .await;
    app.exclude("name=x", "Name,Email\nAda,ada@example.com\n")
        .await;
    let mut given = app.given_out().await;
    given.sort();
    assert_eq!(
        given,
        [
            "Ada,ada@example.com,,line 2 of x",
            "Hired,hired@example.com,,they were hired",
            "Tagged,tagged@example.com,,they have the tag \u{201c}Do not contact\u{201d}",
        ]
    );
    // In clear that is kept of nobody whom Dover did not name.
    let kept: Vec<String> = sqlx::query_scalar("SELECT p::text FROM ashby_person p")
        .fetch_all(&app.database.pool)
        .await
        .unwrap();
    assert!(
        kept.len() == 5 && !kept.concat().contains("example"),
        "{kept:?}"
    );
}

#[tokio::test]
async fn a_rule_that_decided_says_who_set_the_rules_and_when() {
    let app = TestApp::with_job().await;
    let unset = app.get(&of_list("/rules")).await.ok();
    assert_eq!(
        [&unset["changed_at"], &unset["changed_by"]],
        [&Value::Null; 2]
    );
    let (ada, _) = app.token(json!({ "name": "Ada", "role": "admin" })).await;
    let at = app.now();
    let rules = json!({ "email_domains": ["example.com"] });
    let set = app.set_rules_as(&ada, rules).await;
    assert_eq!(set["changed_by"], "Ada");
    assert_eq!(set["changed_at"].as_str().unwrap().parse(), Ok(at));
    let grace = Person::new("Grace");
    app.says(&grace, "replied").await;
    app.flush_to_rest().await;
    let decision = app.prospect(&grace.id).await["last_decision"].clone();
    let sentence = decision["reason"]["sentence"].as_str().unwrap();
    let when = at.format("%-d %B %Y, %H:%M:%S UTC by Ada").to_string();
    for part in ["the rule email_domains", &when] {
        assert!(sentence.contains(part), "{sentence}");
    }
}

#[tokio::test]
async fn rules_that_are_as_they_were_let_nobody_go() {
    let app = TestApp::with_job().await;
    let (ada, _) = app.token(json!({ "name": "Ada", "role": "admin" })).await;
    let rules = json!({ "email_domains": ["example.com"] });
    let set = app.set_rules_as(&ada, rules.clone()).await;
    let grace = Person::new("Grace");
    app.says(&grace, "replied").await;
    app.flush_to_rest().await;
    app.wait(1);
    // Left out, and as they were read.
    for same in [rules, set.clone()] {
        assert_eq!(app.set_rules_as(TOKEN, same).await, set);
    }
    assert_eq!(app.prospect(&grace.id).await["state"], "skipped");
    let audit = "/v1/connections/acme/audit?what=exclusion-rule";
    let audit = app.get(audit).await.ok()["items"].clone();
    assert_eq!(audit.as_array().unwrap().len(), 1, "{audit}");
    app.set_rules(json!({})).await;
    assert_eq!(app.prospect(&grace.id).await["state"], "pending");
}

#[tokio::test]
async fn rules_that_make_no_sense_are_refused() {
    let app = TestApp::connected().await;
    for (rules, pointer) in [
        (json!({ "in_proces": true }), "/in_proces"),
        (
            json!({ "archived_within_months": 0 }),
            "/archived_within_months",
        ),
        (json!({ "cool_down_months": 241 }), "/cool_down_months"),
        (json!({ "tags": "x" }), "/tags"),
        (json!({ "tags": [" "] }), "/tags/0"),
        (
            json!({ "email_domains": ["ada@example.com"] }),
            "/email_domains/0",
        ),
    ] {
        let request = app.request(reqwest::Method::PUT, &of_list("/rules"));
        let request = request.bearer_auth(TOKEN).json(&rules);
        let refused = app.send(request).await;
        assert_eq!(refused.code(), "invalid-fields", "{rules}");
        assert_eq!(refused.body["faults"][0]["pointer"], pointer);
    }
    let read = app.get(&of_list("/rules")).await.ok();
    assert_eq!(read["in_process"], false);
}
