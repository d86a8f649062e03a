//! Dover's door: every verdict of the contract.

use std::pin::Pin;

use chrono::{DateTime, TimeDelta};
use dover_ashby_sync::{
    http::receiver::{NotStored, Receiver},
    ids::ConnectionId,
    store::{
        self,
        delivery::{Sender, Verdict},
        receipt::{Incoming, Receipt},
    },
};
use futures::{
    FutureExt,
    future::{BoxFuture, join_all, maybe_done},
    poll,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    app::{CONNECTION, Person, TestApp},
    erasing::{ada, erase},
    patience::soon,
};

/// The deliveries that were kept, latest first.
async fn kept(app: &TestApp) -> Vec<Value> {
    let path = format!("/v1/connections/{CONNECTION}/deliveries");
    app.get(&path).await.ok()["items"]
        .as_array()
        .unwrap()
        .clone()
}

fn pointers(body: &Value) -> Vec<&str> {
    body["faults"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|fault| fault["pointer"].as_str())
        .collect()
}

#[tokio::test]
async fn a_valid_delivery_is_accepted_and_kept() {
    let app = TestApp::connected().await;
    let ada = Person::new("Ada Lovelace");
    let delivery = ada.change(json!({ "stage": "replied", "updated_at": app.now() }));
    let answer = app.deliver("msg_1", &delivery).await;
    assert_eq!(
        (answer.status, answer.body["status"].as_str()),
        (StatusCode::ACCEPTED, Some("accepted"))
    );
    let kept = kept(&app).await;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["webhook_id"], "msg_1");
    assert_eq!(
        (&kept[0]["verdict"], &kept[0]["copies"]),
        (&json!("accepted"), &json!(1))
    );
    let prospect = app.prospect(&ada.id).await;
    assert_eq!(
        (&prospect["state"], &prospect["stage"]),
        (&json!("pending"), &json!("replied"))
    );
    let health = app.get("/health").await.ok();
    assert_eq!(health["queue"]["pending"], 1);
}

#[tokio::test]
async fn the_same_delivery_again_is_answered_200_and_kept_once() {
    let app = TestApp::connected().await;
    let delivery =
        Person::new("Ada").change(json!({ "stage": "replied", "updated_at": app.now() }));
    assert_eq!(
        app.deliver("msg_1", &delivery).await.status,
        StatusCode::ACCEPTED
    );
    for _ in 0..3 {
        assert_eq!(app.deliver("msg_1", &delivery).await.status, StatusCode::OK);
    }
    let kept = kept(&app).await;
    assert_eq!((kept.len(), &kept[0]["copies"]), (1, &json!(4)));
}

#[tokio::test]
async fn twenty_copies_at_once_make_one_delivery() {
    let app = TestApp::connected().await;
    let delivery =
        Person::new("Ada").change(json!({ "stage": "replied", "updated_at": app.now() }));
    let sends = (0..20).map(|_| app.deliver("msg_1", &delivery));
    let answers = futures::future::join_all(sends).await;
    let accepted = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::ACCEPTED)
        .count();
    let copies = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::OK)
        .count();
    assert_eq!((accepted, copies), (1, 19));
    assert_eq!(kept(&app).await[0]["copies"], 20);
}

#[tokio::test]
async fn another_body_under_the_same_id_is_kept_beside_it_and_does_not_count() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    let first = ada.change(json!({ "stage": "replied", "updated_at": app.now() }));
    let other = ada.change(
        json!({ "stage": "interviewing", "updated_at": app.now() + TimeDelta::minutes(1) }),
    );
    app.deliver("msg_1", &first).await.ok();
    assert_eq!(
        app.deliver("msg_1", &other).await.status,
        StatusCode::ACCEPTED
    );
    assert_eq!(app.deliver("msg_1", &other).await.status, StatusCode::OK);
    let kept = kept(&app).await;
    assert_eq!(
        (kept.len(), &kept[0]["verdict"], &kept[0]["copies"]),
        (2, &json!("id-reused"), &json!(2))
    );
    assert!(kept[0]["reason"].is_string(), "{}", kept[0]);
    app.flush().await;
    assert_eq!(app.application("Ada").await["stage"], "Replied");

    // A person says that it was meant.
    let replay = format!(
        "/v1/connections/{CONNECTION}/deliveries/{}/replay",
        kept[0]["id"].as_str().unwrap()
    );
    app.post(&replay, json!({})).await.ok();
    app.flush().await;
    assert_ne!(app.application("Ada").await["stage"], "Replied");
}

#[tokio::test]
async fn a_rejected_delivery_is_kept_and_gives_way_to_a_corrected_one() {
    let app = TestApp::connected().await;
    let broken = json!({ "type": "candidate.stage_changed", "data": { "candidate": { "id": "c" }, "stage": 3 } });
    for _ in 0..2 {
        let answer = app.deliver("msg_1", &broken).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::UNPROCESSABLE_ENTITY, "invalid-delivery")
        );
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        let pointers = pointers(&answer.body);
        for pointer in ["/data/job/id", "/data/updated_at", "/data/stage"] {
            assert!(pointers.contains(&pointer), "{pointer} in {pointers:?}");
        }
    }
    let rejected = kept(&app).await;
    assert_eq!(
        (&rejected[0]["verdict"], &rejected[0]["copies"]),
        (&json!("rejected"), &json!(2))
    );

    let corrected =
        Person::new("Ada").change(json!({ "stage": "replied", "updated_at": app.now() }));
    assert_eq!(
        app.deliver("msg_1", &corrected).await.status,
        StatusCode::ACCEPTED
    );
    let kept = kept(&app).await;
    assert_eq!((kept.len(), &kept[0]["verdict"]), (1, &json!("accepted")));
}

#[tokio::test]
async fn bad_input_is_refused_with_a_pointer_to_it() {
    let app = TestApp::connected().await;
    let ada = Person::new("Ada");
    let now = app.now();
    let with = |contact: Value| {
        ada.clone()
            .with(contact)
            .change(json!({ "stage": "replied", "updated_at": now }))
    };
    let cases: Vec<(Value, &str)> = vec![
        (with(json!({ "email": "nobody" })), "/data/candidate/email"),
        (
            with(json!({ "name": "x".repeat(10_000) })),
            "/data/candidate/name",
        ),
        (with(json!({ "name": "A\u{0}da" })), "/data/candidate/name"),
        (with(json!({ "id": 7 })), "/data/candidate/id"),
        (
            ada.change(json!({ "stage": "replied", "updated_at": "2026-11-21T10:00:00" })),
            "/data/updated_at",
        ),
        (ada.change(json!({ "updated_at": now })), "/data/stage"),
        (json!({ "data": {} }), "/type"),
        (json!([]), ""),
    ];
    for (place, (delivery, pointer)) in cases.iter().enumerate() {
        let answer = app.deliver(&format!("msg_{place}"), delivery).await;
        assert_eq!(
            answer.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{pointer}: {}",
            answer.body
        );
        let found = pointers(&answer.body);
        assert!(
            found.iter().any(|found| found.starts_with(pointer)),
            "{pointer} in {found:?}"
        );
    }
    for body in [&b"{"[..], b"", br#"{"type":"\ud800"}"#, b"\xff\xfe"] {
        let answer = app
            .send(app.signed(&format!("raw_{}", body.len()), body))
            .await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::UNPROCESSABLE_ENTITY, "invalid-delivery")
        );
    }
    assert!(
        kept(&app)
            .await
            .iter()
            .all(|delivery| delivery["verdict"] == "rejected")
    );
}

#[tokio::test]
async fn a_forged_delivery_is_refused_and_not_kept() {
    let app = TestApp::connected().await;
    let body = serde_json::to_vec(
        &Person::new("Ada").change(json!({ "stage": "replied", "updated_at": app.now() })),
    )
    .unwrap();
    let path = format!("/webhooks/dover/{CONNECTION}");
    let unsigned = app
        .send(app.request(Method::POST, &path).body(body.clone()))
        .await;
    assert_eq!(
        (unsigned.status, unsigned.code()),
        (StatusCode::UNAUTHORIZED, "bad-signature")
    );

    let mut tampered = body.clone();
    tampered.push(b' ');
    assert_eq!(
        app.send(app.signed("msg_1", &body).body(tampered))
            .await
            .status,
        StatusCode::UNAUTHORIZED
    );

    let stale = app.signed("msg_1", &body);
    app.wait(6);
    assert_eq!(app.send(stale).await.status, StatusCode::UNAUTHORIZED);
    assert!(kept(&app).await.is_empty());
    assert!(
        app.get("/metrics")
            .await
            .ok()
            .as_str()
            .unwrap()
            .contains(r#"deliveries_total{verdict="bad-signature",sender="dover"} 3"#)
    );
}

#[tokio::test]
async fn the_order_of_checks_is_whose_how_large_who_and_what() {
    let app = TestApp::connected().await;
    let large = vec![b' '; 1024 * 1024 + 1];
    let nowhere = app
        .request(Method::POST, "/webhooks/dover/nowhere")
        .body(large.clone());
    assert_eq!(app.send(nowhere).await.status, StatusCode::NOT_FOUND);
    let path = format!("/webhooks/dover/{CONNECTION}");
    let unsigned = app.request(Method::POST, &path).body(large);
    assert_eq!(
        app.send(unsigned).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let unsigned = app.request(Method::POST, &path).body("{");
    assert_eq!(app.send(unsigned).await.status, StatusCode::UNAUTHORIZED);
    let exact = vec![b' '; 1024 * 1024];
    assert_eq!(
        app.send(app.signed("msg_1", &exact)).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[tokio::test]
async fn a_ping_is_answered_and_not_queued() {
    let app = TestApp::connected().await;
    assert_eq!(
        app.deliver("msg_1", &json!({ "type": "ping" }))
            .await
            .status,
        StatusCode::OK
    );
    assert!(kept(&app).await.is_empty());
}

#[tokio::test]
async fn an_unknown_type_is_kept_and_says_nothing() {
    let app = TestApp::connected().await;
    assert_eq!(
        app.deliver("msg_1", &json!({ "type": "candidate.sneezed" }))
            .await
            .status,
        StatusCode::ACCEPTED
    );
    assert_eq!(kept(&app).await[0]["type"], "candidate.sneezed");
    assert_eq!(app.get("/health").await.ok()["queue"]["pending"], 0);
}

#[tokio::test]
async fn an_aliased_signature_and_a_rotated_secret_hold() {
    let app = TestApp::connected().await;
    let rotate = format!("/v1/connections/{CONNECTION}/webhook-secret/rotate");
    let rotated = app
        .post(&rotate, json!({ "grace_seconds": 600 }))
        .await
        .ok();
    let new = rotated["dover_webhook_secret"].as_str().unwrap().to_owned();
    let body = serde_json::to_vec(
        &Person::new("Ada").change(json!({ "stage": "replied", "updated_at": app.now() })),
    )
    .unwrap();
    // The old one lives on for a while.
    assert_eq!(
        app.send(app.signed("msg_1", &body)).await.status,
        StatusCode::ACCEPTED
    );
    let secret = dover_ashby_sync::dover::signature::WebhookSecret::parse(&new).unwrap();
    let signed =
        dover_ashby_sync::dover::signature::sign(&secret, "msg_2", app.now().timestamp(), &body);
    let mut request = app
        .request(Method::POST, &format!("/webhooks/dover/{CONNECTION}"))
        .body(body.clone());
    for (name, value) in signed {
        request = request.header(name.replace("webhook-", "svix-"), value);
    }
    assert_eq!(app.send(request).await.status, StatusCode::ACCEPTED);
    app.wait(11);
    assert_eq!(
        app.send(app.signed("msg_3", &body)).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn hex_signatures_and_bearer_tokens_are_taken_once_switched_on() {
    use hmac::{Hmac, KeyInit, Mac};
    let app = TestApp::connected().await;
    let secret = "a-plain-secret-of-an-older-relay";
    let rotate = format!("/v1/connections/{CONNECTION}/webhook-secret/rotate");
    app.post(&rotate, json!({ "secret": secret })).await.ok();
    let body = serde_json::to_vec(
        &Person::new("Ada").change(json!({ "stage": "replied", "updated_at": app.now() })),
    )
    .unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(&body);
    let hex = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    let path = format!("/webhooks/dover/{CONNECTION}");
    let hex_signed = || {
        app.request(Method::POST, &path)
            .header("x-hub-signature-256", &hex)
            .body(body.clone())
    };
    let bearer = || {
        app.request(Method::POST, &path)
            .bearer_auth("static-token-of-the-relay")
            .body(body.clone())
    };
    assert_eq!(
        app.send(hex_signed()).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(app.send(bearer()).await.status, StatusCode::UNAUTHORIZED);

    let switch =
        json!({ "accepts_hex_hmac": true, "webhook_bearer_token": "static-token-of-the-relay" });
    let change = app.request(Method::PATCH, &format!("/v1/connections/{CONNECTION}"));
    app.send(change.bearer_auth(crate::app::TOKEN).json(&switch))
        .await
        .ok();
    assert_eq!(app.send(hex_signed()).await.status, StatusCode::ACCEPTED);
    // The same body without an id of its own is the same delivery.
    assert_eq!(app.send(bearer()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn nothing_is_acknowledged_while_the_database_is_away() {
    let app = TestApp::connected().await;
    let delivery =
        Person::new("Ada").change(json!({ "stage": "replied", "updated_at": app.now() }));
    app.deliver("msg_1", &delivery).await.ok();
    // Nobody may connect, and who is connected is thrown out.
    let name = app.database.name.clone();
    let shut = format!(
        "ALTER DATABASE {name} ALLOW_CONNECTIONS false; \
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    );
    app.database.administrate(&shut).await;
    let answer = app.deliver("msg_2", &delivery).await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::SERVICE_UNAVAILABLE, "database-unavailable")
    );
    assert!(answer.headers.contains_key("retry-after"));
    let health = app.get("/health").await;
    assert_eq!(
        (health.status, &health.body["status"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("down"))
    );
    assert_eq!(
        app.get("/readyz").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(app.get("/healthz").await.status, StatusCode::OK);

    app.database
        .administrate(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
        .await;
    app.deliver("msg_2", &delivery).await.ok();
}

/// A delivery as the receiver is given it.
fn incoming(connection: ConnectionId, webhook_id: &str) -> Box<Incoming> {
    Box::new(Incoming {
        connection,
        sender: Sender::Dover,
        webhook_id: webhook_id.to_owned(),
        body_hash: [0; 32],
        received_at: DateTime::UNIX_EPOCH,
        kind: None,
        about: None,
        reading: None,
        ashby_candidate: None,
        told: None,
        headers: "{}".to_owned(),
        body: "{}".into(),
        faults: None,
        keys: Vec::new(),
        is_erased: false,
    })
}

/// What the door hands deliveries to, over the database of `app`.
fn receiver(app: &TestApp) -> Receiver {
    let patience = std::time::Duration::from_mins(1);
    Receiver::start(store::pool(&app.database.url, 2, patience).unwrap())
}

const ACCEPTED: Result<Receipt, NotStored> = Ok(Receipt::New(Verdict::Accepted));

/// What is answered to deliveries that come one right after the other.
async fn at_once(
    each: Vec<BoxFuture<'_, Result<Receipt, NotStored>>>,
) -> Vec<Result<Receipt, NotStored>> {
    let mut each: Vec<_> = each.into_iter().map(maybe_done).collect();
    for one in &mut each {
        // The first is alone, and may have its answer by then. The others wait for the next commit.
        let _ = poll!(one);
    }
    soon("all of them", join_all(&mut each)).await;
    let answers = each.iter_mut().map(|one| Pin::new(one).take_output());
    answers.map(Option::unwrap).collect()
}

#[tokio::test]
async fn whoever_is_stored_is_told_while_the_next_commit_stands_still() {
    let app = TestApp::connected().await;
    let (receiver, connection) = (receiver(&app), app.connection(CONNECTION).await.id);
    // Whoever brings an id that another is about to store waits until that one is through.
    let held = async |webhook_id: &str| {
        let mut held = app.database.pool.begin().await.unwrap();
        sqlx::query(
            "INSERT INTO delivery (connection_id, webhook_id, body_hash, received_at, verdict, headers, body)
             VALUES ($1, $2, '', now(), 'accepted', '', '')",
        )
        .bind(connection.0)
        .bind(webhook_id)
        .execute(&mut *held)
        .await
        .unwrap();
        held
    };
    let (first_held, second_held) = (held("first").await, held("second").await);
    let store = |webhook_id| receiver.store(incoming(connection, webhook_id)).boxed();

    let (mut alone, mut first, mut second) = (store("alone"), store("first"), store("second"));
    assert!(poll!(&mut alone).is_pending());
    assert!(poll!(&mut first).is_pending());
    assert_eq!(soon("the one that was there first", alone).await, ACCEPTED);
    assert!(
        poll!(&mut second).is_pending(),
        "the next commit is under way"
    );
    first_held.rollback().await.unwrap();
    assert_eq!(soon("the commit before", first).await, ACCEPTED);
    assert!(poll!(&mut second).is_pending(), "the next one stands still");
    second_held.rollback().await.unwrap();
    assert_eq!(soon("the last one", second).await, ACCEPTED);
}

#[tokio::test]
async fn one_commit_counts_for_each_connection_what_it_queues() {
    let app = TestApp::connected().await;
    let other = json!({ "name": "other", "ashby_api_key": crate::app::ASHBY_KEY });
    app.post("/v1/connections", other).await.ok();
    let both = [
        app.connection(CONNECTION).await.id,
        app.connection("other").await.id,
    ];
    let receiver = receiver(&app);
    let store = |number: usize| {
        let mut one = incoming(both[number % 3 / 2], &format!("msg_{number}"));
        one.about = Some(("cand_1".into(), "job_42".into()));
        receiver.store(one).boxed()
    };
    let mut each: Vec<_> = (0..12).map(store).collect();
    // A copy, which is settled after the others.
    each.push(store(11));
    // The first is alone, and the others wait for the next commit.
    for one in &mut each {
        assert!(poll!(one).is_pending());
    }
    let mut answers = soon("all of them", join_all(each)).await;
    assert_eq!(answers.pop(), Some(Ok(Receipt::Copy(Verdict::Accepted))));
    assert!(
        answers.iter().all(|answer| *answer == ACCEPTED),
        "{answers:?}"
    );
    for (connection, queued) in both.iter().zip([8, 4]) {
        assert_eq!(queue(&app, *connection).await, (queued, queued));
    }
}

/// How many wait, as it is counted and as it is.
async fn queue(app: &TestApp, connection: ConnectionId) -> (i64, i64) {
    sqlx::query_as(
        "SELECT (SELECT sum(n) FROM tally WHERE what = 'pending' AND connection_id = $1)::bigint,
                (SELECT count(*) FROM pending WHERE connection_id = $1)",
    )
    .bind(connection.0)
    .fetch_one(&app.database.pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_copy_among_new_ones_is_told_from_them_whether_it_was_to_be_expected_or_not() {
    let app = TestApp::connected().await;
    let (receiver, connection) = (receiver(&app), app.connection(CONNECTION).await.id);
    let store = |name: &str, hash: u8| {
        let mut one = incoming(connection, name);
        (one.about, one.body_hash) = (Some(("cand_1".into(), "job_42".into())), [hash; 32]);
        receiver.store(one).boxed()
    };
    let copy = Ok(Receipt::Copy(Verdict::Accepted));
    let reused = Ok(Receipt::New(Verdict::IdReused));
    // Whom nobody expects a copy among, who come right after one, and a batch without any then.
    let rounds: [&[(&str, u8, _)]; 4] = [
        &[("a", 0, ACCEPTED), ("b", 0, ACCEPTED), ("c", 0, ACCEPTED)],
        &[
            ("d", 0, ACCEPTED),
            ("a", 0, copy),
            ("e", 0, ACCEPTED),
            ("b", 1, reused),
        ],
        &[
            ("f", 0, ACCEPTED),
            ("f", 0, copy),
            ("b", 1, Ok(Receipt::Copy(Verdict::IdReused))),
        ],
        &[("g", 0, ACCEPTED), ("h", 0, ACCEPTED)],
    ];
    let mut queued = 0;
    for (round, batch) in rounds.iter().enumerate() {
        // Who comes first is alone, and the others wait for the next commit.
        let mut each = vec![store(&format!("alone_{round}"), 0)];
        each.extend(batch.iter().map(|(name, hash, _)| store(name, *hash)));
        let answers = at_once(each).await;
        let expected = batch.iter().map(|(.., expected)| *expected);
        assert_eq!(answers[1..], expected.collect::<Vec<_>>(), "round {round}");
        queued += answers.iter().filter(|answer| **answer == ACCEPTED).count();
        let counted = i64::try_from(queued).unwrap();
        assert_eq!(
            queue(&app, connection).await,
            (counted, counted),
            "round {round}"
        );
    }
}

#[tokio::test]
async fn a_batch_is_numbered_in_order_of_arrival_whether_copies_are_expected_or_not() {
    let app = TestApp::connected().await;
    let (receiver, connection) = (receiver(&app), app.connection(CONNECTION).await.id);
    // In no order of their own. One copy comes in the middle: unexpected there, and expected in what comes last.
    let name = |number: usize| format!("msg_{}", number * 7919 % 300);
    let mut arrived = Vec::new();
    for (batch, copies) in [(0..100, 0), (100..200, 1), (200..300, 0)] {
        let mut names: Vec<String> = batch.map(name).collect();
        arrived.extend_from_slice(&names);
        names.splice(50..50, (0..copies).map(name));
        let each = names
            .iter()
            .map(|name| receiver.store(incoming(connection, name)).boxed());
        let answers = at_once(each.collect()).await;
        let new = answers.iter().filter(|answer| **answer == ACCEPTED).count();
        assert_eq!((new, answers.len()), (100, 100 + copies));
    }
    let numbered: Vec<String> = sqlx::query_scalar("SELECT webhook_id FROM delivery ORDER BY id")
        .fetch_all(&app.database.pool)
        .await
        .unwrap();
    assert_eq!(numbered, arrived);
}

#[tokio::test]
async fn whoever_was_erased_and_whatever_is_for_nobody_is_left_out_of_a_batch() {
    let app = TestApp::connected().await;
    let (receiver, connection) = (receiver(&app), app.connection(CONNECTION).await.id);
    let ada = ada();
    app.says(&ada, "replied").await;
    erase(&app, &ada).await.ok();
    let keys: Vec<Vec<u8>> = sqlx::query_scalar("SELECT key_hash FROM erased_key LIMIT 1")
        .fetch_all(&app.database.pool)
        .await
        .unwrap();
    let store = |connection, name: &str, keys: &[Vec<u8>]| {
        let mut one = incoming(connection, name);
        one.keys = keys.to_vec();
        receiver.store(one).boxed()
    };
    let nobodys = ConnectionId::fresh();
    // First where no copy is expected, then with one, then where one is.
    for round in ["a", "b", "c"] {
        let (other, answer) = match round {
            "b" => ("first_a".to_owned(), Ok(Receipt::Copy(Verdict::Accepted))),
            _ => (format!("other_{round}"), ACCEPTED),
        };
        let answers = at_once(vec![
            store(connection, &format!("first_{round}"), &[]),
            store(connection, &format!("new_{round}"), &[]),
            store(connection, &format!("erased_{round}"), &keys),
            store(nobodys, &format!("nobodys_{round}"), &[]),
            store(connection, &other, &[]),
        ])
        .await;
        let gone = Err(NotStored::NoSuchConnection);
        assert_eq!(
            answers,
            [ACCEPTED, ACCEPTED, ACCEPTED, gone, answer],
            "{round}"
        );
    }
    let kept: Vec<(String, bool, bool)> = sqlx::query_as(
        "SELECT webhook_id, erased_at IS NOT NULL, body = '' FROM delivery WHERE webhook_id ~ '_[abc]$' ORDER BY 1",
    )
    .fetch_all(&app.database.pool)
    .await
    .unwrap();
    let kept: Vec<_> = kept
        .iter()
        .map(|(name, erased, empty)| (&name[..], *erased, *empty))
        .collect();
    let of = |name, erased| (name, erased, erased);
    assert_eq!(
        kept,
        [
            of("erased_a", true),
            of("erased_b", true),
            of("erased_c", true),
            of("first_a", false),
            of("first_b", false),
            of("first_c", false),
            of("new_a", false),
            of("new_b", false),
            of("new_c", false),
            of("other_a", false),
            of("other_c", false),
        ]
    );
}

#[tokio::test]
async fn a_different_payload_plugs_in_by_its_pointers() {
    let app = TestApp::connected().await;
    let paths = json!({ "payload_paths": {
        "candidate.id": "/prospect/key", "job.id": "/req", "updated_at": "/at", "stage": "/column",
    } });
    let change = app.request(Method::PATCH, &format!("/v1/connections/{CONNECTION}"));
    app.send(change.bearer_auth(crate::app::TOKEN).json(&paths))
        .await
        .ok();
    let delivery = json!({
        "type": "candidate.stage_changed", "prospect": { "key": "p7" }, "req": "job_42",
        "at": app.now(), "column": "Responded",
    });
    assert_eq!(
        app.deliver("msg_1", &delivery).await.status,
        StatusCode::ACCEPTED
    );
    assert_eq!(app.prospect("p7").await["stage"], "replied");
}
