//! Lists: order, pages, sync tokens, and the catalogues that come whole.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Ashby, each, id};

/// Makes candidates whose names are numbers, a second apart.
async fn people(ashby: &Ashby, count: usize) {
    for number in 0..count {
        ashby
            .make("/candidates", json!({"name": number.to_string()}))
            .await;
        ashby.wait(1);
    }
}

#[tokio::test]
async fn a_list_comes_in_pages_from_old_to_new_and_only_the_last_has_a_sync_token() {
    let ashby = Ashby::start().await;
    people(&ashby, 5).await;
    let early = json!({"name": "early", "createdAt": "2020-01-01T00:00:00Z"});
    ashby.call("candidate.create", early).await;
    let mut names = Vec::new();
    let mut request = json!({"limit": 4});
    loop {
        let page = ashby.envelope("candidate.list", request.clone()).await;
        names.extend(
            each(&page["results"], "name")
                .into_iter()
                .map(str::to_owned),
        );
        assert_eq!(
            page["syncToken"].is_string(),
            page["moreDataAvailable"] == false
        );
        if page["moreDataAvailable"] == false {
            break;
        }
        request["cursor"] = page["nextCursor"].clone();
    }
    assert_eq!(names, ["early", "0", "1", "2", "3", "4"]);
}

#[tokio::test]
async fn a_list_can_start_after_a_moment_in_milliseconds() {
    let ashby = Ashby::start().await;
    people(&ashby, 3).await;
    let after = json!({"createdAfter": 1_795_255_200_000_i64});
    let listed = ashby.call("candidate.list", after).await;
    assert_eq!(each(&listed, "name"), ["1", "2"]);
}

#[tokio::test]
async fn an_incremental_list_has_what_changed_since_the_token() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    let application = ashby.application(&job).await;
    let other = json!({"candidateId": ashby.ada().await, "jobId": job["id"]});
    ashby.make("/applications", other).await;
    let list = async |request: Value| {
        let page = ashby.envelope("application.list", request).await;
        let count = page["results"].as_array().expect("results").len();
        (count, json!({"syncToken": page["syncToken"]}))
    };
    let (count, token) = list(json!({})).await;
    assert_eq!(count, 2);
    let (count, token) = list(token).await;
    assert_eq!(count, 0);
    ashby
        .make(
            &format!("/applications/{application}/move"),
            json!({"stage": "Onsite"}),
        )
        .await;
    let (count, next) = list(token.clone()).await;
    assert_eq!(count, 1);
    assert_eq!(list(token).await.0, 1, "a token can be used again");
    let path = format!("/applications/{application}");
    ashby.control(Method::DELETE, &path, json!({})).await;
    assert_eq!(list(next).await.0, 0, "there are no tombstones");
}

#[tokio::test]
async fn what_changes_during_a_pass_is_told_by_its_token() {
    let ashby = Ashby::start().await;
    people(&ashby, 3).await;
    let first = ashby.envelope("candidate.list", json!({"limit": 2})).await;
    let changed = id(&first["results"][0]);
    ashby
        .make(
            &format!("/candidates/{changed}/rename"),
            json!({"name": "Ada"}),
        )
        .await;
    let next = json!({"limit": 2, "cursor": first["nextCursor"]});
    let last = ashby.envelope("candidate.list", next).await;
    let token = json!({"syncToken": last["syncToken"]});
    let since = ashby.call("candidate.list", token).await;
    assert_eq!(each(&since, "name"), ["Ada"]);
}

#[tokio::test]
async fn an_incremental_pass_goes_on_with_the_cursor_with_or_without_its_token() {
    let ashby = Ashby::start().await;
    people(&ashby, 1).await;
    let token = ashby.envelope("candidate.list", json!({})).await["syncToken"].take();
    people(&ashby, 3).await;
    let first = json!({"syncToken": token, "limit": 2});
    let first = ashby.envelope("candidate.list", first).await;
    assert_eq!(each(&first["results"], "name"), ["0", "1"]);
    let cursor = &first["nextCursor"];
    for next in [
        json!({"cursor": cursor}),
        json!({"cursor": cursor, "syncToken": token}),
    ] {
        let last = ashby.call("candidate.list", next).await;
        assert_eq!(each(&last, "name"), ["2"]);
    }
}

#[tokio::test]
async fn cursors_and_tokens_are_bound_to_their_query_and_expire() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    people(&ashby, 2).await;
    let page = ashby.envelope("candidate.list", json!({"limit": 1})).await;
    let cursor = json!({"limit": 1, "cursor": page["nextCursor"]});
    let last = ashby.envelope("candidate.list", cursor.clone()).await;
    let token = json!({"syncToken": last["syncToken"]});
    assert_eq!(
        ashby.refusal("application.list", cursor.clone()).await,
        "invalid_next_cursor"
    );
    assert_eq!(
        ashby.refusal("application.list", token.clone()).await,
        "sync_token_invalid"
    );
    let made_up = json!({"cursor": "bWFkZSB1cA"});
    assert_eq!(
        ashby.refusal("candidate.list", made_up).await,
        "invalid_next_cursor"
    );
    let made_up = json!({"syncToken": "abc"});
    assert_eq!(
        ashby.refusal("candidate.list", made_up).await,
        "sync_token_invalid"
    );
    let all = ashby.envelope("application.list", json!({})).await;
    let narrowed = json!({"syncToken": all["syncToken"], "jobId": job["id"]});
    assert_eq!(
        ashby.refusal("application.list", narrowed).await,
        "sync_token_invalid"
    );
    ashby.wait(14 * 24 * 60 * 60 + 1);
    assert_eq!(
        ashby.refusal("candidate.list", cursor).await,
        "next_cursor_expired"
    );
    assert_eq!(
        ashby.refusal("candidate.list", token).await,
        "sync_token_expired"
    );
}

#[tokio::test]
async fn an_incremental_pass_that_is_too_long_is_refused_and_a_full_one_is_not() {
    let ashby = Ashby::start().await;
    ashby.set(json!({"maxIncrementalPages": 1})).await;
    let token = ashby.envelope("candidate.list", json!({})).await["syncToken"].take();
    people(&ashby, 2).await;
    let first = json!({"limit": 1, "syncToken": token});
    let first = ashby.envelope("candidate.list", first).await;
    let next = json!({"limit": 1, "cursor": first["nextCursor"]});
    let code = ashby.refusal("candidate.list", next).await;
    assert_eq!(code, "incremental_sync_too_large");
    let full = ashby.envelope("candidate.list", json!({"limit": 1})).await;
    let next = json!({"limit": 1, "cursor": full["nextCursor"]});
    ashby.call("candidate.list", next).await;
}

#[tokio::test]
async fn lists_and_search_lag_where_they_are_switched_to_and_lose_nothing() {
    let ashby = Ashby::start().await;
    ashby.set(json!({"listLagSeconds": 10})).await;
    let ada = ashby.ada().await;
    let search = json!({"email": "ada@example.com"});
    assert_eq!(
        ashby.call("candidate.search", search.clone()).await,
        json!([])
    );
    let empty = ashby.envelope("candidate.list", json!({})).await;
    assert_eq!(empty["results"], json!([]));
    assert_eq!(
        ashby.call("candidate.info", json!({"id": ada})).await["id"],
        json!(ada)
    );
    ashby.wait(10);
    assert_eq!(
        ashby.call("candidate.search", search).await[0]["id"],
        json!(ada)
    );
    let since = json!({"syncToken": empty["syncToken"]});
    assert_eq!(
        ashby.call("candidate.list", since).await[0]["id"],
        json!(ada)
    );
}

#[tokio::test]
async fn applications_are_narrowed_by_job_and_status() {
    let ashby = Ashby::start().await;
    let (first, second) = (ashby.job().await, ashby.job().await);
    let ada = ashby.ada().await;
    let made = json!({"candidateId": ada, "jobId": first["id"], "stage": "Onsite"});
    ashby.make("/applications", made).await;
    ashby
        .make(
            "/applications",
            json!({"candidateId": ada, "jobId": second["id"]}),
        )
        .await;
    let of_job = ashby
        .call("application.list", json!({"jobId": first["id"]}))
        .await;
    assert_eq!(of_job.as_array().expect("an array").len(), 1);
    let leads = ashby
        .call("application.list", json!({"status": "Lead"}))
        .await;
    assert_eq!(leads[0]["job"]["id"], second["id"]);
}

#[tokio::test]
async fn stages_come_in_order_with_gaps_and_both_ends_of_the_plan() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    let seen = ashby.call("job.info", json!({"id": job["id"]})).await;
    let asked = json!({"interviewPlanId": seen["defaultInterviewPlanId"]});
    let stages = ashby.call("interviewStage.list", asked).await;
    assert_eq!(
        each(&stages, "title"),
        [
            "New Lead",
            "Reached Out",
            "Replied",
            "Application Review",
            "Phone Screen",
            "Onsite",
            "Offer",
            "Hired",
            "Archived"
        ]
    );
    assert_eq!(each(&stages, "type")[2..4], ["Lead", "PreInterviewScreen"]);
    let orders = stages.as_array().expect("an array").iter();
    let orders: Vec<_> = orders
        .map(|stage| stage["orderInInterviewPlan"].as_i64())
        .collect();
    assert!(orders.is_sorted());
    assert!(
        orders
            .windows(2)
            .any(|pair| pair[1] > pair[0].map(|order| order + 1))
    );
    let one = json!({"interviewStageId": stages[0]["id"]});
    assert_eq!(ashby.call("interviewStage.info", one).await, stages[0]);
    let plan = ashby
        .call("jobInterviewPlan.info", json!({"jobId": job["id"]}))
        .await;
    assert_eq!(each(&plan["stages"], "title"), each(&stages, "title"));
    let plans = ashby.call("interviewPlan.list", json!({})).await;
    assert_eq!(plans[0]["id"], seen["defaultInterviewPlanId"]);
}

#[tokio::test]
async fn drafts_are_listed_only_where_they_are_asked_for() {
    let ashby = Ashby::start().await;
    for (title, status) in [("A", "Open"), ("B", "Draft"), ("C", "Archived")] {
        ashby
            .make("/jobs", json!({"title": title, "status": status}))
            .await;
    }
    let listed = ashby.call("job.list", json!({})).await;
    assert_eq!(each(&listed, "title"), ["A", "C"]);
    let drafts = ashby.call("job.list", json!({"status": ["Draft"]})).await;
    assert_eq!(each(&drafts, "title"), ["B"]);
    let found = ashby.call("job.search", json!({"title": "a"})).await;
    assert_eq!(each(&found, "status"), ["Open"]);
}

#[tokio::test]
async fn archived_sources_and_reasons_are_listed_only_where_they_are_asked_for() {
    let ashby = Ashby::start().await;
    ashby
        .make(
            "/sources",
            json!({"title": "Dover", "sourceType": "Inbound"}),
        )
        .await;
    ashby
        .make("/sources", json!({"title": "Dover", "isArchived": true}))
        .await;
    let live = ashby.call("source.list", json!({})).await;
    assert_eq!(live[0]["sourceType"]["title"], "Inbound");
    assert_eq!(live.as_array().expect("an array").len(), 1);
    let all = ashby
        .call("source.list", json!({"includeArchived": true}))
        .await;
    assert_eq!(each(&all, "title"), ["Dover", "Dover"]);
    let reason = ashby
        .id_of("/archive-reasons", json!({"text": "Withdrew"}))
        .await;
    let path = format!("/archive-reasons/{reason}");
    ashby
        .control(Method::PATCH, &path, json!({"isArchived": true}))
        .await;
    assert_eq!(ashby.call("archiveReason.list", json!({})).await, json!([]));
    let all = ashby
        .call("archiveReason.list", json!({"includeArchived": true}))
        .await;
    assert_eq!(each(&all, "text"), ["Withdrew"]);
}

#[tokio::test]
async fn users_are_listed_and_found_by_address() {
    let ashby = Ashby::start().await;
    let user = |name: &str, on: bool| json!({"firstName": name, "lastName": "X", "email": format!("{name}@example.com"), "isEnabled": on});
    ashby.make("/users", user("grace", true)).await;
    ashby.make("/users", user("joan", false)).await;
    assert_eq!(
        each(&ashby.call("user.list", json!({})).await, "firstName"),
        ["grace"]
    );
    let all = ashby
        .call("user.list", json!({"includeDeactivated": true}))
        .await;
    assert_eq!(each(&all, "firstName"), ["grace", "joan"]);
    let found = ashby
        .call("user.search", json!({"email": "GRACE@example.com"}))
        .await;
    assert_eq!(each(&found, "firstName"), ["grace"]);
}
