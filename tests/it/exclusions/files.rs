//! Files of people to be left alone: what is understood of them, what is refused, and how they come and go.

use std::convert::Infallible;

use bytes::Bytes;
use dover_ashby_sync::worker::Upkeep;
use futures::channel::mpsc;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::of_list;
use crate::{
    app::{TOKEN, TestApp},
    patience::until,
};

const FILE: &str = "Candidate Name,Email,LinkedIn URL,Job\r\n\
    Ada Lovelace,\"ada@example.com, ada@work.example\",,Engineer\r\n\
    \"Grace\nHopper\",,https://www.linkedin.com/in/Grace-Hopper/,Engineer\r\n\
    Nobody,,,Engineer\r\n\
    Broken,not an address@,,Engineer\r\n";

#[tokio::test]
async fn a_file_is_shown_before_it_counts() {
    let app = TestApp::connected().await;
    let preview = app.import("name=ashby.csv", FILE).await;
    assert_eq!(preview.status, StatusCode::CREATED);
    let preview = preview.body;
    let numbers = ["rows", "people", "refused"].map(|key| preview[key].as_i64().unwrap());
    assert_eq!((numbers, &preview["status"]), ([4, 2, 2], &json!("ready")));
    assert_eq!(preview["bytes"], FILE.len());
    assert_eq!(
        preview["columns"],
        json!([
            { "header": "Candidate Name", "as": "name" },
            { "header": "Email", "as": "email" },
            { "header": "LinkedIn URL", "as": "linkedin" },
        ])
    );
    let refusals = preview["refusals"].as_array().unwrap();
    let lines: Vec<_> = refusals.iter().map(|refusal| &refusal["line"]).collect();
    // A name of two lines came before.
    assert_eq!(lines, [5, 6]);
    assert!(
        refusals[0]["reason"]
            .as_str()
            .unwrap()
            .contains("has neither")
    );
    assert!(
        refusals[1]["reason"]
            .as_str()
            .unwrap()
            .contains("can be read")
    );
    assert_eq!(
        preview["sample"][0],
        json!({ "line": 2, "name": "Ada Lovelace", "emails": ["ada@example.com", "ada@work.example"], "linkedin_url": null })
    );
    assert_eq!(
        preview["sample"][1]["linkedin_url"],
        "https://www.linkedin.com/in/grace-hopper"
    );

    let ada = json!([{ "emails": ["ada@work.example"] }]);
    assert_eq!(app.asked(ada.clone()).await[0]["excluded"], false);
    let commit = commit(&preview);
    for _ in 0..2 {
        let put = app.post(&commit, json!({})).await.ok();
        assert_eq!(put["status"], "in-force");
    }
    assert_eq!(app.asked(ada).await[0]["excluded"], true);
}

#[tokio::test]
async fn every_usual_way_to_write_a_file_is_understood() {
    let app = TestApp::connected().await;
    let utf16 =
        |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let files: [(&str, Vec<u8>); 7] = [
        ("commas", b"Email,Name\nada@example.com,Ada\n".to_vec()),
        (
            "semicolons",
            b"E-Mail;Name\r\nada@example.com;Ada\r\n".to_vec(),
        ),
        (
            "tabs",
            b"Email Address\tName\nada@example.com\tAda\n".to_vec(),
        ),
        (
            "a-mark",
            b"\xef\xbb\xbfEmail,Name\nada@example.com,Ada".to_vec(),
        ),
        (
            "windows",
            b"Pr\xe9nom,Email,Name\nx,ada@example.com,Ren\xe9e\n".to_vec(),
        ),
        (
            "excel",
            utf16("\u{feff}Name\tEmail\r\nAda\tada@example.com\r\n"),
        ),
        (
            "quoted",
            b"\"Email\",\"Name\"\n\"ada@example.com\ngrace@example.com\",\"A \"\"B\"\"\"\n"
                .to_vec(),
        ),
    ];
    for (name, file) in files {
        let read = app.import(&format!("name={name}"), file).await.ok();
        assert_eq!(
            (&read["people"], &read["refused"]),
            (&json!(1), &json!(0)),
            "{name}"
        );
        assert_eq!(read["sample"][0]["emails"][0], "ada@example.com", "{name}");
        if name == "windows" {
            assert_eq!(read["sample"][0]["name"], "Ren\u{e9}e");
        }
    }
}

#[tokio::test]
async fn a_line_ends_however_it_ends() {
    let app = TestApp::connected().await;
    for (name, file) in [
        ("mac", "Email\rada@example.com\r?\rgrace@example.com\r"),
        ("unix", "Email\nada@example.com\n?\ngrace@example.com\n"),
        ("mixed", "Email\rada@example.com\n?\r\ngrace@example.com"),
    ] {
        let read = app.import(&format!("name={name}"), file).await.ok();
        let lines = [0, 1].map(|at| read["sample"][at]["line"].clone());
        assert_eq!(lines, [2, 4].map(Value::from), "{name}: {read}");
        assert_eq!(read["refusals"][0]["line"], 3, "{name}");
    }
}

#[tokio::test]
async fn a_row_of_more_addresses_than_anybody_has_is_refused() {
    let app = TestApp::connected().await;
    let row = |who: &str, many: usize| -> String {
        let addresses = (0..many).map(|n| format!("{who}-{n}@example.com"));
        addresses.collect::<Vec<_>>().join(" ")
    };
    let file = format!("Email\n{}\n{}\n", row("ada", 50), row("grace", 51));
    let read = app.import("name=x", file).await.ok();
    assert_eq!((&read["people"], &read["refused"]), (&json!(1), &json!(1)));
    assert_eq!(read["sample"][0]["emails"].as_array().unwrap().len(), 50);
    let refused = &read["refusals"][0];
    assert_eq!(refused["line"], 3);
    let reason = refused["reason"].as_str().unwrap();
    for part in ["more than 50", "several rows"] {
        assert!(reason.contains(part), "{reason}");
    }
}

#[tokio::test]
async fn a_list_for_a_job_that_nobody_registered_says_so() {
    let app = TestApp::with_job().await;
    let file = "Email\nada@example.com\n";
    for known in ["name=x", "name=x&dover_job_id=job_42"] {
        let read = app.import(known, file).await.ok();
        assert_eq!(read["warnings"], json!([]), "{known}");
    }
    let read = app.exclude("name=x&dover_job_id=job_24", file).await;
    assert_eq!(read["status"], "in-force");
    let warning = read["warnings"][0].as_str().unwrap();
    assert!(warning.contains("job_24"), "{warning}");
    app.register("job_24", "Designer").await;
    let path = of_list(&format!("/imports/{}", read["id"].as_str().unwrap()));
    assert_eq!(app.get(&path).await.ok()["warnings"], json!([]));
}

#[tokio::test]
async fn what_is_no_list_is_refused_and_leaves_nothing_behind() {
    let app = TestApp::connected().await;
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    for (file, said) in [
        (png, "PNG image"),
        (b"PK\x03\x04workbook".to_vec(), "Excel workbook"),
        (Vec::new(), "empty"),
        (b"\n \n".to_vec(), "empty"),
        (b"Name,Job\nAda,Engineer\n".to_vec(), "\"Name\", \"Job\""),
        (b"ada@example.com\n".to_vec(), "none of the columns"),
        (
            format!("\"Email\nada@example.com\n{}", "x".repeat(300_000)).into(),
            "close a quote",
        ),
        (
            format!("Email{}\nada@example.com\n", ",x".repeat(1_000)).into(),
            "fewer columns",
        ),
    ] {
        let refused = app.import("name=x", file).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code()),
            (422, "unreadable-list")
        );
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.contains(said), "{detail}");
    }
    let listed = app.get(&of_list("/imports")).await.ok();
    assert_eq!(listed["items"], json!([]));
    let unnamed = app.import("", "Email\n").await;
    assert_eq!(unnamed.code(), "invalid-request");
    let unknown = app.import("name=x&mode=merge", "Email\n").await;
    assert_eq!(unknown.code(), "invalid-request");
}

#[tokio::test]
async fn ten_megabytes_in_a_cell_are_one_row_that_is_refused() {
    let app = TestApp::connected().await;
    let giant = "x".repeat(10 * 1024 * 1024);
    let file = format!(
        "Email,Notes\nada@example.com,ok\ngrace@example.com,\"{giant}\"\nmary@example.com,ok\n"
    );
    let read = app.import("name=giant", file).await.ok();
    assert_eq!(
        (&read["people"], &read["refused"]),
        (&json!(2), &json!(1)),
        "{read}"
    );
    assert_eq!(read["refusals"][0]["line"], 3);
    assert!(
        read["refusals"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("longer than 256 KiB")
    );
}

#[tokio::test]
async fn a_file_shows_how_far_it_has_come_and_counts_for_nothing_before_its_end() {
    let app = TestApp::connected().await;
    let (more, pieces) = mpsc::unbounded::<Result<Bytes, Infallible>>();
    let request = app.request(Method::POST, &of_list("/imports?name=x"));
    let request = request
        .bearer_auth(TOKEN)
        .body(reqwest::Body::wrap_stream(pieces));
    let meanwhile = async {
        let rows = (0..10_000).map(|n| format!("person-{n}@example.com\n"));
        let rows: String = rows.collect();
        let first = Bytes::from(format!("Email\n{rows}"));
        more.unbounded_send(Ok(first)).unwrap();
        let import = until("some of it is read", 60, async || {
            let listed = app.get(&of_list("/imports")).await.ok();
            let import = listed["items"][0].clone();
            (import["people"].as_i64() > Some(0)).then_some(import)
        })
        .await;
        assert_eq!(import["status"], "reading");
        assert!(import["bytes"].as_i64() > Some(0), "{import}");
        let commit = commit(&import);
        let early = app.post(&commit, json!({})).await;
        assert_eq!(early.status, StatusCode::CONFLICT);
        assert_eq!(early.code(), "import-under-way");
        let last = Bytes::from("ada@example.com\n");
        more.unbounded_send(Ok(last)).unwrap();
        more.close_channel();
    };
    let (read, ()) = tokio::join!(app.send(request), meanwhile);
    let read = read.ok();
    assert_eq!(
        (&read["status"], &read["people"]),
        (&json!("ready"), &json!(10_001))
    );
    let put = app.post(&commit(&read), json!({})).await.ok();
    assert_eq!(put["status"], "in-force");
}

fn commit(import: &Value) -> String {
    of_list(&format!(
        "/imports/{}/commit",
        import["id"].as_str().unwrap()
    ))
}

#[tokio::test]
async fn a_list_takes_the_place_of_others_or_stands_beside_them() {
    let app = TestApp::with_job().await;
    let is_on = async |who: &str| {
        let email = format!("{who}@example.com");
        let body = json!({ "people": [{ "emails": [email] }], "dover_job_id": "job_42" });
        let answers = app.post(&of_list("/check"), body).await.ok();
        answers["items"][0]["list"].clone()
    };
    app.exclude("name=first", "Email\nada@example.com\n").await;
    app.exclude("name=beside", "Email\ngrace@example.com\n")
        .await;
    app.exclude("name=job&dover_job_id=job_42", "Email\nmary@example.com\n")
        .await;
    assert_eq!(is_on("ada").await, "first");
    assert_eq!(is_on("grace").await, "beside");
    assert_eq!(is_on("mary").await, "job");
    // Another job's list is not this one's.
    app.exclude("name=other&dover_job_id=job_7", "Email\nkay@example.com\n")
        .await;
    assert_eq!(is_on("kay").await, Value::Null);

    app.exclude("name=instead&mode=replace", "Email\njoan@example.com\n")
        .await;
    assert_eq!(is_on("joan").await, "instead");
    assert_eq!(
        (is_on("ada").await, is_on("grace").await),
        (Value::Null, Value::Null)
    );
    // It replaces those for all jobs, and none for one.
    assert_eq!(is_on("mary").await, "job");
    let listed = app.get(&of_list("/imports")).await.ok();
    assert_eq!(listed["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_list_goes_as_a_whole() {
    let app = TestApp::connected().await;
    let list = app.exclude("name=x", FILE).await;
    let path = of_list(&format!("/imports/{}", list["id"].as_str().unwrap()));
    let remove = || app.request(Method::DELETE, &path).bearer_auth(TOKEN);
    assert_eq!(app.send(remove()).await.status, StatusCode::NO_CONTENT);
    let ada = json!([{ "emails": ["ada@example.com"] }]);
    assert_eq!(app.asked(ada).await[0]["excluded"], false);
    assert_eq!(app.get(&path).await.code(), "not-found");
    assert_eq!(app.send(remove()).await.code(), "not-found");
    let mut upkeep = Upkeep::default();
    upkeep
        .run(&app.sync(), &CancellationToken::new())
        .await
        .unwrap();
    for table in ["exclusion_import", "exclusion_row", "exclusion_key"] {
        let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let left: i64 = sqlx::query_scalar(count)
            .fetch_one(&app.database.pool)
            .await
            .unwrap();
        assert_eq!(left, 0, "{table}");
    }
}

#[tokio::test]
async fn an_upload_that_broke_off_goes_by_itself() {
    let app = TestApp::connected().await;
    let pieces = futures::stream::iter([
        Ok(Bytes::from(
            "Email\n".to_owned() + &"ada@example.com\n".repeat(10_000),
        )),
        Err(std::io::Error::other("gone")),
    ]);
    let path = of_list("/imports?name=x");
    let request = app.request(Method::POST, &path).bearer_auth(TOKEN);
    let request = request.body(reqwest::Body::wrap_stream(pieces));
    assert!(request.send().await.is_err());
    app.wait(61);
    let mut upkeep = Upkeep::default();
    upkeep
        .run(&app.sync(), &CancellationToken::new())
        .await
        .unwrap();
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM exclusion_row")
        .fetch_one(&app.database.pool)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn what_is_given_out_runs_nowhere_and_reads_back() {
    let app = TestApp::connected().await;
    let file = "Name,Email,LinkedIn\n\
        \"=HYPERLINK(\"\"https://evil.example\"\",\"\"x\"\")\",ada@example.com,\n\
        Bob;=HYPERLINK(1),bob@example.com,\n\
        \"Hopper, Grace\",\"grace@example.com; g@work.example\",linkedin.com/in/grace\n";
    app.exclude("name==cmd", file).await;
    let given = app.given_out().await;
    assert_eq!(given.len(), 3);
    assert!(given[0].starts_with("\"'=HYPERLINK"), "{}", given[0]);
    // Where semicolons stand between cells, this is one of its own.
    assert!(
        given[1].starts_with("\"Bob;'=HYPERLINK(1)\","),
        "{}",
        given[1]
    );
    assert_eq!(
        given[2],
        "\"Hopper, Grace\",\"grace@example.com, g@work.example\",https://www.linkedin.com/in/grace,line 4 of =cmd"
    );
    let again = app.get(&of_list("/export")).await.ok();
    let read = app
        .import("name=again", again.as_str().unwrap().to_owned())
        .await
        .ok();
    assert_eq!((&read["people"], &read["refused"]), (&json!(3), &json!(0)));
    assert_eq!(read["sample"][1]["emails"], json!(["bob@example.com"]));
}
