//! What the list does to prospects: nothing is created or linked, and nothing that is linked is stopped.

use serde_json::json;

use crate::app::{Person, TOKEN, TestApp};

#[tokio::test]
async fn whoever_is_on_a_list_is_neither_created_nor_linked() {
    let app = TestApp::with_job().await;
    let (ada, grace) = (Person::new("Ada"), Person::new("Grace"));
    // Grace is in Ashby already.
    let body = json!({ "name": "Grace", "email": "grace@example.com" });
    app.sim("candidates", body).await;
    let file = "Email,LinkedIn\nADA@example.com,\n,https://www.linkedin.com/in/grace/\n";
    app.exclude("name=ashby.csv", file).await;
    for who in [&ada, &grace] {
        app.says(who, "replied").await;
    }
    assert!(app.flush_to_rest().await.is_empty());
    let prospect = app.prospect(&ada.id).await;
    assert_eq!(prospect["state"], "skipped");
    assert_eq!(prospect["ashby"], json!(null));
    let reason = &prospect["last_decision"]["reason"];
    assert_eq!(reason["code"], "excluded");
    let sentence = reason["sentence"].as_str().unwrap();
    for part in ["exclusion list", "line 2", "ashby.csv", "e-mail address"] {
        assert!(sentence.contains(part), "{sentence}");
    }
    let sentence = app.decisions(&grace).await[0]["reason"]["sentence"].clone();
    assert!(
        sentence.as_str().unwrap().contains("LinkedIn profile"),
        "{sentence}"
    );
    assert_eq!(app.decisions(&grace).await[0]["rule"], 4);
}

#[tokio::test]
async fn who_is_linked_goes_on_whatever_the_list_says() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.says(&ada, "new_lead").await;
    app.flush_to_rest().await;
    app.exclude("name=x", "Email\nada@example.com\n").await;
    app.set_rules(json!({ "in_process": true, "email_domains": ["example.com"] }))
        .await;
    app.wait(15);
    app.says(&ada, "replied").await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(app.application("Ada").await["stage"], "Replied");
}

#[tokio::test]
async fn a_list_that_goes_lets_its_people_go_on() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    let list = app.exclude("name=x", "Email\nada@example.com\n").await;
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    assert_eq!(app.reason(&ada.id).await, "excluded");
    app.remove(&list).await;
    assert_eq!(app.flush_to_rest().await.len(), 2);
    assert_eq!(app.reason(&ada.id).await, "created");
}

/// A flush that was under way has asked by the lists and rules of before. The one after it makes that good.
#[tokio::test]
async fn whoever_a_flush_left_by_the_old_list_is_decided_again() {
    for change in ["removed", "replaced", "rules"] {
        let app = TestApp::with_job().await;
        let ada = Person::new("Ada");
        let list = if change == "rules" {
            app.set_rules(json!({ "email_domains": ["example.com"] }))
                .await;
            json!(null)
        } else {
            app.exclude("name=x", "Email\nada@example.com\n").await
        };
        app.says(&ada, "replied").await;
        app.flush_to_rest().await;
        assert_eq!(app.reason(&ada.id).await, "excluded", "{change}");
        match change {
            "removed" => app.remove(&list).await,
            "replaced" => {
                app.exclude("name=y&mode=replace", "Email\ngrace@example.com\n")
                    .await;
            }
            _ => app.set_rules(json!({})).await,
        }
        // As a flush leaves her that had asked before, and was slower.
        sqlx::query("UPDATE prospect SET state = 'skipped', revision = revision + 1")
            .execute(&app.database.pool)
            .await
            .unwrap();
        assert_eq!(app.flush_to_rest().await.len(), 2, "{change}");
        assert_eq!(app.reason(&ada.id).await, "created", "{change}");
    }
}

#[tokio::test]
async fn a_list_for_one_job_is_for_that_one_alone() {
    let app = TestApp::with_job().await;
    app.register("job_7", "Designer").await;
    let ada = Person::new("Ada");
    app.exclude("name=x&dover_job_id=job_42", "Email\nada@example.com\n")
        .await;
    app.says(&ada, "replied").await;
    app.says(&ada.clone().on("job_7"), "replied").await;
    app.flush_to_rest().await;
    let here = app.prospect_of(&ada).await;
    assert_eq!(here["last_decision"]["reason"]["code"], "excluded");
    let there = app.prospect_of(&ada.on("job_7")).await;
    assert_eq!(there["last_decision"]["reason"]["code"], "created");
}

#[tokio::test]
async fn the_preview_shows_who_would_be_left_alone() {
    let app = TestApp::with_job().await;
    app.exclude("name=x", "Email\nada@example.com\n").await;
    app.says(&Person::new("Ada"), "replied").await;
    let preview = app.preview().await;
    assert_eq!(
        preview["items"][0]["reason"]["code"], "excluded",
        "{preview}"
    );
    assert_eq!(preview["counts"]["skipped"], 1);
}

#[tokio::test]
async fn nothing_of_an_erased_person_stays_on_a_list_but_that_they_are_on_it() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.exclude(
        "name=x",
        "Name,Email\nAda L,ada@example.com\nGrace,grace@example.com\n",
    )
    .await;
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    let prospect = app.prospect(&ada.id).await["id"].clone();
    let path = format!(
        "/v1/connections/acme/prospects/{}/personal-data",
        prospect.as_str().unwrap()
    );
    app.send(
        app.request(reqwest::Method::DELETE, &path)
            .bearer_auth(TOKEN),
    )
    .await
    .ok();
    let kept: Vec<String> =
        sqlx::query_scalar("SELECT (name, emails, linkedin)::text FROM exclusion_row")
            .fetch_all(&app.database.pool)
            .await
            .unwrap();
    assert!(!kept.concat().contains("da"), "{kept:?}");
    assert_eq!(app.given_out().await.len(), 1);
    let ada = json!([{ "emails": ["ada@example.com"] }]);
    assert_eq!(app.asked(ada).await[0]["excluded"], true);
}
