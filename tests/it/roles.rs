//! Who may do what: every operation of the document with every role, tokens bound to a connection, and the bootstrap
//! token.

use chrono::TimeDelta;
use dover_ashby_sync::{
    commands::serve::Server,
    http::access::least,
    ids::TokenId,
    store::{self, token::Role},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{net::TcpListener, process::Command};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{ASHBY_KEY, Answer, CONNECTION, Person, SECRET, TOKEN, TestApp},
    doctor::{Said, said},
};

/// An id that nothing has.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

impl TestApp {
    /// Makes a token. Answers the token itself and what is shown of it.
    pub(crate) async fn token(&self, wanted: Value) -> (String, Value) {
        let made = self.post("/v1/tokens", wanted).await.ok();
        (made["token"].as_str().unwrap().to_owned(), made)
    }

    async fn ask(&self, token: &str, method: Method, path: &str) -> Answer {
        self.send(self.request(method, path).bearer_auth(token))
            .await
    }

    async fn ask_with(&self, token: &str, method: Method, path: &str, body: Value) -> Answer {
        let request = self.request(method, path).bearer_auth(token);
        self.send(request.json(&body)).await
    }
}

/// Every operation under `/v1`: its method and its path.
async fn operations(app: &TestApp) -> Vec<(Method, String)> {
    let yaml = app
        .send(app.request(Method::GET, "/openapi.yaml"))
        .await
        .ok();
    let document: Value = yaml_serde::from_str(yaml.as_str().unwrap()).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        let methods = methods.filter(|(_, operation)| operation["operationId"].is_string());
        methods.map(move |(method, _)| {
            let method = method.to_uppercase().parse::<Method>().unwrap();
            (method, path.clone())
        })
    });
    let operations: Vec<_> = operations
        .filter(|(_, path)| path.starts_with("/v1"))
        .collect();
    assert!(operations.len() > 40, "{operations:?}");
    operations
}

/// The path with `connection` in its place, and with ids that nothing has.
fn filled(path: &str, connection: &str) -> String {
    let parts = path.split('/').map(|part| match part {
        "{connection}" => connection,
        part if part.starts_with('{') => NOBODY,
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_operation_takes_its_role_and_no_lesser_one() {
    let app = TestApp::connected().await;
    for (word, role) in Role::WORDS {
        let (token, _) = app
            .token(json!({ "name": format!("a {word}"), "role": word }))
            .await;
        for (method, path) in operations(&app).await {
            // Of a connection that is not there, so that nothing happens to one.
            let answer = app
                .ask(&token, method.clone(), &filled(&path, "nobody"))
                .await;
            if role >= least(method.as_str(), &path) {
                assert!(
                    !matches!(answer.status.as_u16(), 401 | 403 | 500..),
                    "{word} {method} {path}: {}",
                    answer.body
                );
            } else {
                assert_eq!(
                    (answer.status.as_u16(), answer.code()),
                    (403, "forbidden"),
                    "{word} {method} {path}"
                );
                let detail = answer.body["detail"].as_str().unwrap();
                assert!(detail.contains("takes the role"), "{detail}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_of_another_connection_is_not_there_for_whoever_is_bound_to_one() {
    let app = TestApp::connected().await;
    let other = json!({ "name": "other", "ashby_api_key": crate::app::ASHBY_KEY });
    app.post("/v1/connections", other).await.ok();
    for role in ["member", "admin"] {
        let wanted = json!({ "name": format!("a {role}"), "role": role, "connection": "other" });
        let (token, _) = app.token(wanted).await;
        for (method, path) in operations(&app).await {
            let what = format!("{role} {method} {path}");
            let answer = app
                .ask(&token, method.clone(), &filled(&path, CONNECTION))
                .await;
            if path.contains("{connection}") {
                // Told from a name that nobody has by nothing.
                let unknown = app.ask(&token, method, &filled(&path, "nobody")).await;
                assert_eq!(
                    (answer.status.as_u16(), answer.code()),
                    (404, "not-found"),
                    "{what}"
                );
                assert_eq!(answer.body, unknown.body, "{what}");
            } else if (method, path.as_str()) == (Method::GET, "/v1/connections") {
                let items = answer.ok()["items"].as_array().unwrap().clone();
                assert_eq!(items.len(), 1, "{what}");
                assert_eq!(items[0]["name"], "other");
            } else {
                assert_eq!(
                    (answer.status.as_u16(), answer.code()),
                    (403, "forbidden"),
                    "{what}"
                );
            }
        }
        let own = app
            .ask(&token, Method::GET, "/v1/connections/other/prospects")
            .await;
        assert_eq!(own.status, StatusCode::OK, "{}", own.body);
    }
    // All of it is there still.
    app.get("/v1/connections/acme").await.ok();
}

#[tokio::test]
async fn a_member_does_the_daily_work() {
    let app = TestApp::with_job().await;
    let wanted = json!({ "name": "Recruiting", "role": "member", "connection": CONNECTION });
    let (token, _) = app.token(wanted).await;
    app.says(&Person::new("Ada"), "replied").await;
    let flushes = format!("/v1/connections/{CONNECTION}/flushes");
    let path = format!("{flushes}?wait=true");
    let done = app
        .ask_with(&token, Method::POST, &path, json!({}))
        .await
        .ok();
    assert_eq!(done["counts"]["created"], 1);
    let path = format!("/v1/connections/{CONNECTION}/prospects?dover_candidate_id=cand_ada");
    let found = app.ask(&token, Method::GET, &path).await.ok();
    assert_eq!(found["items"][0]["state"], "synced");
    let pause = format!("/v1/connections/{CONNECTION}/pause");
    let refused = app.ask(&token, Method::POST, &pause).await;
    assert_eq!(refused.code(), "forbidden");
}

#[tokio::test]
async fn a_token_is_shown_once_and_opens_until_it_is_revoked() {
    let app = TestApp::connected().await;
    let (token, made) = app.token(json!({ "name": "Ada", "role": "member" })).await;
    assert!(token.starts_with(made["prefix"].as_str().unwrap()));
    let path = format!("/v1/tokens/{}", made["id"].as_str().unwrap());
    let shown = app.get(&path).await.ok();
    assert_eq!(
        (&shown["status"], &shown["token"]),
        (&json!("live"), &Value::Null)
    );
    assert!(
        !app.get("/v1/tokens")
            .await
            .ok()
            .to_string()
            .contains(&token)
    );
    let kept: Vec<String> = sqlx::query_scalar("SELECT t::text FROM access_token t")
        .fetch_all(&app.database.pool)
        .await
        .unwrap();
    assert!(kept.iter().all(|row| !row.contains(&token[12..])));

    app.ask(&token, Method::GET, "/v1/connections").await.ok();
    let mut almost = token.clone();
    almost.replace_range(
        token.len() - 1..,
        if token.ends_with('A') { "E" } else { "A" },
    );
    let refused = app.ask(&almost, Method::GET, "/v1/connections").await;
    assert_eq!(refused.code(), "unauthorized");

    for _ in 0..2 {
        let revoked = app
            .send(app.request(Method::DELETE, &path).bearer_auth(TOKEN))
            .await;
        assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    }
    let refused = app.ask(&token, Method::GET, "/v1/connections").await;
    assert_eq!(
        (refused.status.as_u16(), refused.code()),
        (401, "unauthorized")
    );
    assert_eq!(app.get(&path).await.ok()["status"], "revoked");
    // Its name is free again.
    app.token(json!({ "name": "Ada", "role": "monitor" })).await;
}

#[tokio::test]
async fn a_token_ends_when_its_time_is_over() {
    let app = TestApp::connected().await;
    let end = app.now() + TimeDelta::minutes(30);
    let (token, made) = app
        .token(json!({ "name": "Trial", "role": "member", "expires_at": end }))
        .await;
    app.wait(29);
    app.ask(&token, Method::GET, "/v1/connections").await.ok();
    app.wait(1);
    let refused = app.ask(&token, Method::GET, "/v1/connections").await;
    assert_eq!(refused.code(), "unauthorized");
    let path = format!("/v1/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(app.get(&path).await.ok()["status"], "expired");
}

/// When a token was last used, once that is `expected`; it is kept beside the request that used it.
async fn last_used(app: &TestApp, id: &Value, expected: &Value) -> Value {
    let path = format!("/v1/tokens/{}", id.as_str().unwrap());
    let mut last = Value::Null;
    for _ in 0..200 {
        last = app.get(&path).await.ok()["last_used_at"].clone();
        if last == *expected {
            break;
        }
    }
    last
}

#[tokio::test]
async fn the_last_use_is_shown_and_written_at_most_once_a_minute() {
    let app = TestApp::connected().await;
    let (token, made) = app.token(json!({ "name": "Ada", "role": "member" })).await;
    assert_eq!(made["last_used_at"], Value::Null);
    let first = json!(app.now());
    app.ask(&token, Method::GET, "/v1/connections").await.ok();
    assert_eq!(last_used(&app, &made["id"], &first).await, first);
    // What is kept within a minute of it changes nothing.
    let id = TokenId(made["id"].as_str().unwrap().parse().unwrap());
    let pool = app.sync().pool;
    for (later, expected) in [(59, 0), (60, 60)] {
        let at = app.now() + TimeDelta::seconds(later);
        store::token::used(&pool, id, at).await.unwrap();
        let kept = store::token::by_id(&pool, id).await.unwrap().unwrap();
        let kept = kept.last_used_at.unwrap() - app.now();
        assert_eq!(kept, TimeDelta::seconds(expected));
    }
}

#[tokio::test]
async fn what_signs_deliveries_opens_nothing_else() {
    let app = TestApp::connected().await;
    let connection = format!("/v1/connections/{CONNECTION}");
    let relay = "a-bearer-token-of-a-relay-32-letters";
    let bearer = json!({ "webhook_bearer_token": relay });
    let change = app.request(Method::PATCH, &connection).bearer_auth(TOKEN);
    app.send(change.json(&bearer)).await.ok();
    for path in ["/v1/connections", &connection, "/v1/tokens"] {
        for secret in [relay, SECRET, ASHBY_KEY] {
            let asked = app.request(Method::GET, path).bearer_auth(secret);
            assert_eq!(
                app.send(asked).await.status,
                StatusCode::UNAUTHORIZED,
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn a_token_that_makes_no_sense_is_refused() {
    let app = TestApp::connected().await;
    app.token(json!({ "name": "Ada", "role": "member" })).await;
    let past = app.now() - TimeDelta::seconds(1);
    for (wanted, pointer) in [
        (json!({ "role": "member" }), "/name"),
        (json!({ "name": " ", "role": "member" }), "/name"),
        (json!({ "name": "admin", "role": "member" }), "/name"),
        (json!({ "name": "x" }), "/role"),
        (json!({ "name": "x", "role": "owner" }), "/role"),
        (
            json!({ "name": "x", "role": "member", "connection": "nobody" }),
            "/connection",
        ),
        (
            json!({ "name": "x", "role": "monitor", "connection": CONNECTION }),
            "/connection",
        ),
        (
            json!({ "name": "x", "role": "member", "expires_at": past }),
            "/expires_at",
        ),
    ] {
        let refused = app.post("/v1/tokens", wanted.clone()).await;
        assert_eq!(refused.code(), "invalid-fields", "{wanted}");
        assert_eq!(refused.body["faults"][0]["pointer"], pointer, "{wanted}");
    }
    let taken = app
        .post("/v1/tokens", json!({ "name": "Ada", "role": "admin" }))
        .await;
    assert_eq!((taken.status.as_u16(), taken.code()), (409, "name-taken"));
}

#[tokio::test]
async fn the_bootstrap_token_goes_when_another_can_do_all_and_comes_back() {
    let app = TestApp::connected().await;
    let off = json!({ "enabled": false });
    let bootstrap = "/v1/bootstrap-token";
    // Neither of these can do all.
    app.token(json!({ "name": "Member", "role": "member" }))
        .await;
    app.token(json!({ "name": "Bound", "role": "admin", "connection": CONNECTION }))
        .await;
    let refused = app
        .ask_with(TOKEN, Method::PATCH, bootstrap, off.clone())
        .await;
    assert_eq!(
        (refused.status.as_u16(), refused.code()),
        (409, "last-admin-token")
    );

    let (admin, made) = app.token(json!({ "name": "Ada", "role": "admin" })).await;
    let turned = app
        .ask_with(TOKEN, Method::PATCH, bootstrap, off)
        .await
        .ok();
    assert_eq!(turned["enabled"], false);
    assert_eq!(app.get("/v1/connections").await.code(), "unauthorized");
    app.ask(&admin, Method::GET, "/v1/connections").await.ok();

    let path = format!("/v1/tokens/{}", made["id"].as_str().unwrap());
    let refused = app.ask(&admin, Method::DELETE, &path).await;
    assert_eq!(refused.code(), "last-admin-token");

    let on = json!({ "enabled": true });
    app.ask_with(&admin, Method::PATCH, bootstrap, on)
        .await
        .ok();
    app.get("/v1/connections").await.ok();
    let revoked = app.ask(&admin, Method::DELETE, &path).await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
}

/// `bootstrap-token` at the command line.
async fn bootstrap(app: &TestApp, to_be: &str) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dover-ashby-sync"));
    command.args(["bootstrap-token", to_be]).env_clear();
    command.env("DATABASE_URL", &app.database.url);
    said(command).await
}

#[tokio::test]
async fn whoever_has_the_database_gets_back_in() {
    let app = TestApp::connected().await;
    let refused = bootstrap(&app, "off").await;
    assert_ne!(refused.code, 0);
    assert!(refused.err.contains("no other token"), "{}", refused.err);
    app.token(json!({ "name": "Ada", "role": "admin" })).await;
    assert_eq!(bootstrap(&app, "off").await.code, 0);
    assert_eq!(app.get("/v1/connections").await.code(), "unauthorized");
    let on = bootstrap(&app, "on").await;
    assert_eq!(on.code, 0, "{}", on.err);
    app.get("/v1/connections").await.ok();
}

/// What the audit of a connection has of tokens, latest first: which, from what role to what, and by whom.
async fn audit(app: &TestApp, token: &str, connection: &str) -> Vec<Value> {
    let path = format!("/v1/connections/{connection}/audit");
    let page = app.ask(token, Method::GET, &path).await.ok();
    let entries = page["items"].as_array().unwrap().iter();
    let role = |image: &Value| image.get("role").unwrap_or(image).clone();
    let entry = entries.map(|entry| {
        let (from, to) = (role(&entry["from"]), role(&entry["to"]));
        json!([entry["what"], entry["key"], from, to, entry["by"]])
    });
    entry.collect()
}

#[tokio::test]
async fn the_audit_keeps_who_was_let_in_and_who_was_shut_out() {
    let app = TestApp::connected().await;
    let other = json!({ "name": "other", "ashby_api_key": ASHBY_KEY });
    app.post("/v1/connections", other).await.ok();
    let (ada, _) = app.token(json!({ "name": "Ada", "role": "admin" })).await;
    let bound = json!({ "name": "Bound", "role": "member", "connection": CONNECTION });
    let (_, bound) = app.token(bound).await;
    let path = format!("/v1/tokens/{}", bound["id"].as_str().unwrap());
    // Done twice, it is the same as once.
    for _ in 0..2 {
        app.ask(&ada, Method::DELETE, &path).await;
        let off = json!({ "enabled": false });
        app.ask_with(&ada, Method::PATCH, "/v1/bootstrap-token", off)
            .await
            .ok();
    }
    assert_eq!(bootstrap(&app, "on").await.code, 0);

    let of_all = [
        json!([
            "bootstrap-token",
            "bootstrap-token",
            null,
            true,
            "command line"
        ]),
        json!(["bootstrap-token", "bootstrap-token", true, null, "Ada"]),
        json!(["token", "Ada", null, "admin", "admin"]),
    ];
    assert_eq!(audit(&app, TOKEN, "other").await, of_all);
    let [on, off, ada] = of_all;
    assert_eq!(
        audit(&app, TOKEN, CONNECTION).await,
        [
            on,
            off,
            json!(["token", "Bound", "member", null, "Ada"]),
            json!(["token", "Bound", null, "member", "admin"]),
            ada,
        ]
    );
}

#[tokio::test]
async fn health_and_metrics_are_for_tokens_alone_where_they_are_guarded() {
    let app = TestApp::connected().await;
    let (monitor, _) = app
        .token(json!({ "name": "Grafana", "role": "monitor" }))
        .await;
    let bound = json!({ "name": "Bound", "role": "member", "connection": CONNECTION });
    let (bound, _) = app.token(bound).await;
    for path in ["/health", "/metrics"] {
        app.send(app.request(Method::GET, path)).await.ok();
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stop = CancellationToken::new();
    let url = app.database.url.clone();
    let mut app = app;
    let started = Server::start(app.sync(), &url, TOKEN.into(), listener, stop, false, true);
    app.addr = started.unwrap().addr;
    for path in ["/health", "/metrics"] {
        let stranger = app.send(app.request(Method::GET, path)).await;
        assert_eq!(stranger.code(), "unauthorized", "{path}");
        app.ask(&monitor, Method::GET, path).await.ok();
        app.ask(TOKEN, Method::GET, path).await.ok();
        assert_eq!(
            app.ask(&bound, Method::GET, path).await.code(),
            "forbidden",
            "{path}"
        );
    }
    for path in ["/healthz", "/readyz"] {
        app.send(app.request(Method::GET, path)).await.ok();
    }
    let refused = app.ask(&monitor, Method::GET, "/v1/connections").await;
    assert_eq!(refused.code(), "forbidden");
}
