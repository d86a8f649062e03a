//! What every statement costs when the tables are full: none of them may read a table that grows with history, or with the
//! backlog, from one end to the other.
//!
//! Each statement of the program stands in `.sqlx`, as the macros found it. It is planned here as the database plans it for
//! any values at all, over tables that are full enough for an index to pay. And it is planned as it is for a page of rows, of which
//! nothing may be compared with all of it.

use std::{collections::HashSet, fs, path::Path};

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

use crate::database::database;

/// Tables that grow with history, with the backlog or with Ashby.
const LARGE: [&str; 10] = [
    "ashby_application",
    "ashby_identity",
    "decision",
    "delivery",
    "erased_key",
    "flush",
    "flush_change",
    "note",
    "pending",
    "prospect",
];

/// Statements that may, by a part of their text, and why.
const MAY: [(&str, &str); 2] = [
    (
        "INSERT INTO installation",
        "once in the life of a database, and it stops at the first row",
    ),
    (
        "JOIN flush_change c ON c.flush_id = f.id JOIN prospect p",
        "as of a time: for any time at all it is a third of the table, for the recent one that is asked for a few rows",
    ),
];

/// Statements that may compare each of a page with each of a list, by a part of their text, and why the list is short.
const MAY_COMPARE: [(&str, &str); 2] = [
    (
        "SELECT FROM unnest($2::text[]) AS t WHERE strpos(lower(says), t)",
        "how one person is known",
    ),
    (
        "SELECT FROM unnest($3::text[]) AS t WHERE strpos(lower(encode(body",
        "how one person is known",
    ),
];

/// What the statements that run all the time stand on, by a part of their text.
const STANDS_ON: [(&str, &[&str]); 22] = [
    // Storing a batch, where no copy is expected and where one is.
    (
        "place <> ALL(ARRAY(SELECT place FROM erased)) RETURNING",
        &["erased_key_pkey"],
    ),
    (
        "place <> ALL(ARRAY(SELECT place FROM erased)) ON CONFLICT",
        &[
            "Conflict Arbiter Indexes: delivery_webhook_id",
            "erased_key_pkey",
        ],
    ),
    // Settling what is left of one.
    (
        "INSERT INTO delivery (connection_id, webhook_id, body_hash, received_at, verdict, type, dover_candidate_id, \
         dover_job_id, headers, body, faults, erased_at, sender, said_at, statements, read_by) -- In order",
        &[
            "Conflict Arbiter Indexes: delivery_webhook_id",
            "erased_key_pkey",
        ],
    ),
    // Storing a single one.
    (
        "WHERE id = $1 FOR KEY SHARE ), stored AS",
        &[
            "Conflict Arbiter Indexes: delivery_webhook_id",
            "erased_key_pkey",
        ],
    ),
    // Whose webhook it is.
    ("WHERE c.name = $1 GROUP BY c.id", &["connection"]),
    // Folding.
    ("OFFSET $5 LIMIT $6", &["pending_in_order"]),
    (
        "OR (dover_candidate_id, delivery_id) <= ($5, $6)) RETURNING *",
        &["pending_in_order"],
    ),
    (
        "AS \"is_erased!\", dover_candidate_id, dover_job_id FROM delivery WHERE connection_id = $1 AND id = ANY($2)",
        &["delivery_pkey"],
    ),
    (
        "WITH RECURSIVE found AS ( (SELECT stretch_of(delivery_id)",
        &["pending_in_order"],
    ),
    (
        "JOIN prospect p ON p.connection_id = $1 AND p.dover_candidate_id = w.candidate AND p.dover_job_id = w.job \
         ORDER BY p.id FOR UPDATE OF p",
        &["prospect_connection_id_dover_candidate_id_dover_job_id_key"],
    ),
    ("UPDATE prospect p SET says = f.says", &["prospect_pkey"]),
    // Deciding.
    ("UPDATE prospect p SET state = CASE", &["prospect_pkey"]),
    ("FROM note WHERE prospect_id = p.id", &["note_open"]),
    // Health and metrics.
    (
        "FILTER (WHERE what = 'pending')",
        &["pending_oldest", "prospect_waits"],
    ),
    (
        "AS \"jobs_held!\" FROM connection",
        &["pending_oldest", "prospect_waits", "flush_in_order"],
    ),
    // All of a candidate: listed, replayed by delivery and by prospect, erased, and what is about nobody.
    (
        "AND stretch_of(id) = stretch AND dover_candidate_id = $4",
        &["delivery_about", "delivery_webhook_id", "Incremental Sort"],
    ),
    (
        "AND stretch_of(id) = stretch AND dover_candidate_id = $5",
        &["delivery_about", "Incremental Sort"],
    ),
    (
        "AND stretch_of(id) = stretch AND dover_candidate_id = p.dover_candidate_id",
        &["delivery_about"],
    ),
    (
        "AND stretch_of(id) = stretch AND dover_candidate_id = ANY($2)",
        &["delivery_about"],
    ),
    (
        "AND stretch_of(id) = stretch AND dover_candidate_id IS NULL",
        &[
            "delivery_about",
            "delivery_not_accepted",
            "Incremental Sort",
        ],
    ),
    // Put back in the queue.
    (
        "WITH gone AS ( DELETE FROM pending p",
        &["pending_in_order", "delivery_pkey"],
    ),
    // Sweeping.
    (
        "SELECT id FROM delivery WHERE connection_id BETWEEN $1 AND $1",
        &["delivery_pkey"],
    ),
];

const FILL: &str = r"
    INSERT INTO connection (id, name, ashby_key, created_at, next_flush_at)
    SELECT gen_random_uuid(), 'c' || n, '', now(), now() FROM generate_series(1, 20) AS n;
    INSERT INTO delivery (connection_id, webhook_id, body_hash, received_at, verdict, type, dover_candidate_id, dover_job_id, headers, body)
    SELECT id, 'msg_' || n, sha256('x'), now(), 'accepted', 'candidate.stage_changed', 'cand_' || n % 400, 'job_' || n % 20, '{}', ''
    FROM connection CROSS JOIN generate_series(1, 2000) AS n;
    INSERT INTO prospect (id, connection_id, dover_candidate_id, dover_job_id, says, state, reason, candidate_id, application_id, created_at)
    SELECT gen_random_uuid(), id, 'cand_' || n, 'job_' || n % 20, '{}', CASE WHEN n % 100 = 0 THEN 'pending' WHEN n % 50 = 1 THEN 'parked' ELSE 'synced' END, 'x', 'ac_' || n, 'aa_' || n, now()
    FROM connection CROSS JOIN generate_series(1, 1000) AS n;
    INSERT INTO pending (delivery_id, connection_id, dover_candidate_id, received_at)
    SELECT id, connection_id, dover_candidate_id, received_at FROM delivery WHERE id % 2 = 1;
    UPDATE prospect p SET waiting = w.ids, waits_since = w.since
    FROM (SELECT connection_id, dover_candidate_id, array_agg(id) AS ids, min(received_at) AS since FROM delivery
          WHERE id % 2 = 0 GROUP BY connection_id, dover_candidate_id) AS w
    WHERE w.connection_id = p.connection_id AND w.dover_candidate_id = p.dover_candidate_id;
    INSERT INTO flush (id, connection_id, status, trigger, started_at, finished_at)
    SELECT gen_random_uuid(), id, 'done', 'schedule', now() - n * interval '15 min', now() FROM connection CROSS JOIN generate_series(1, 300) AS n;
    INSERT INTO decision (id, connection_id, prospect_id, flush_id, decided_at, action, reason, sentence, rule, dover, ashby, calls)
    SELECT gen_random_uuid(), p.connection_id, p.id, f.id, now(), 'none', 'x', 'x', 1, '{}', '{}', '[]'
    FROM prospect p CROSS JOIN LATERAL (SELECT id FROM flush f WHERE f.connection_id = p.connection_id ORDER BY id OFFSET abs(hashtext(p.id::text)) % 299 LIMIT 2) AS f;
    INSERT INTO ashby_application (connection_id, id, candidate_id, job_id, stage_id, status, updated_at, looked_at)
    SELECT id, 'aa_' || n, 'ac_' || n, 'aj_' || n % 20, 's', 'Active', now(), now() FROM connection CROSS JOIN generate_series(1, 2000) AS n;
    INSERT INTO ashby_identity (connection_id, key_hash, candidate_id)
    SELECT id, sha256(('k' || n)::bytea), 'ac_' || n FROM connection CROSS JOIN generate_series(1, 2000) AS n;
    WITH erased AS (INSERT INTO erasure (id, connection_id, erased_at) SELECT gen_random_uuid(), id, now() FROM connection RETURNING id, connection_id)
    INSERT INTO erased_key (connection_id, key_hash, erasure_id)
    SELECT connection_id, sha256(('e' || n)::bytea), id FROM erased CROSS JOIN generate_series(1, 500) AS n;
    INSERT INTO flush_change (flush_id, prospect_id, action, changed_at, candidate_id)
    SELECT flush_id, prospect_id, 'create', now(), 'x' FROM decision;
    INSERT INTO note (prospect_id, event, connection_id, kind, happened_at, delivery_id, said_at, noted_at, state, note_id)
    SELECT id, 'activity:' || n, connection_id, 'call', now(), n, now(), now(), CASE WHEN n = 1 THEN 'owed' ELSE 'written' END,
           CASE WHEN n > 1 THEN id::text || n END
    FROM prospect CROSS JOIN generate_series(1, 3) AS n;
    INSERT INTO tally (connection_id, what, session, n) SELECT id, 'x' || n, n, 1 FROM connection CROSS JOIN generate_series(1, 10) AS n;
    ANALYZE;
";

struct Statement {
    /// On one line.
    text: String,
    plan: String,
}

/// Every statement of the program with what `EXPLAIN` with `options` says of it over full tables: planned in that mode, once for each
/// row of values that it is given for the types of its parameters.
async fn planned(
    mode: &str,
    options: &str,
    values: fn(&[&str]) -> Vec<Vec<String>>,
) -> Vec<Statement> {
    let database = database().await;
    let mut session = PgConnection::connect(&database.url).await.unwrap();
    session.execute(FILL).await.unwrap();
    let mode = format!("SET plan_cache_mode = {mode}");
    session.execute(AssertSqlSafe(mode)).await.unwrap();
    let mut planned = Vec::new();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx");
    for (number, file) in fs::read_dir(directory).unwrap().enumerate() {
        let described: Value =
            serde_json::from_slice(&fs::read(file.unwrap().path()).unwrap()).unwrap();
        let text = described["query"].as_str().unwrap();
        let prepare = format!("PREPARE s{number} AS {text}");
        session.execute(AssertSqlSafe(prepare)).await.unwrap();
        let types = described["describe"]["parameters"]["Left"].as_array();
        let types = types.unwrap().iter().map(|kind| kind.as_str().unwrap());
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for row in values(&types.collect::<Vec<_>>()) {
            let row = if row.is_empty() {
                String::new()
            } else {
                format!("({})", row.join(", "))
            };
            let explain = format!("EXPLAIN ({options}) EXECUTE s{number} {row}");
            let lines = session.fetch_all(AssertSqlSafe(explain)).await;
            let lines = lines.unwrap_or_else(|error| panic!("{text}: {error}"));
            let lines = lines.iter().map(|row| row.get_unchecked::<String, _>(0));
            planned.push(Statement {
                text: text.clone(),
                plan: lines.collect::<Vec<_>>().join("\n"),
            });
        }
    }
    session.close().await.unwrap();
    planned
}

/// The tables that a plan reads from one end to the other.
fn read_whole(plan: &str) -> Vec<&str> {
    let scans = plan
        .lines()
        .filter_map(|line| line.split_once("Seq Scan on "));
    scans
        .filter_map(|(_, table)| table.split(' ').next())
        .filter(|table| LARGE.contains(table))
        .collect()
}

#[tokio::test]
async fn no_statement_reads_a_table_that_grows_from_end_to_end() {
    let any = |types: &[&str]| vec![vec!["NULL".to_owned(); types.len()]];
    let statements = planned("force_generic_plan", "COSTS OFF", any).await;
    let mut wrong = Vec::new();
    for Statement { text, plan } in &statements {
        let may = MAY.iter().any(|(part, _)| text.contains(part));
        let read = read_whole(plan);
        if !may && !read.is_empty() {
            wrong.push(format!("{read:?} in {text}\n{plan}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    for (part, _) in MAY {
        let still = statements
            .iter()
            .any(|one| one.text.contains(part) && !read_whole(&one.plan).is_empty());
        assert!(still, "an exception that nothing needs any more: {part}");
    }
    for (part, indexes) in STANDS_ON {
        let found: Vec<_> = statements
            .iter()
            .filter(|one| one.text.contains(part))
            .collect();
        assert_eq!(found.len(), 1, "{part}");
        for index in indexes {
            assert!(
                found[0].plan.contains(index),
                "{part} without {index}:\n{}",
                found[0].plan
            );
        }
    }
}

/// Rows of a page.
const PAGE: u64 = 200;

/// What the planner takes a list to have of which it knows nothing is no more than this.
const UNKNOWN: u64 = 100;

/// So many values of a type, in a list where it is one of lists.
fn values(kind: &str, how_many: u64) -> String {
    let one = |kind: &str, n: u64| match kind {
        "Uuid" => format!("00000000-0000-7000-8000-{n:012}"),
        "Text" => format!("cand_{n}"),
        "Bytea" => format!("\\x{n:064x}"),
        "Jsonb" => "{}".to_owned(),
        "Timestamptz" => "2026-01-02T10:00:00Z".to_owned(),
        "Bool" => "true".to_owned(),
        "Int2" | "Int4" | "Int8" | "Float8" => n.to_string(),
        other => panic!("a value of the type {other}"),
    };
    let Some(kind) = kind.strip_suffix("Array") else {
        return format!("'{}'", one(kind, 1));
    };
    let list: Vec<String> = (1..=how_many).map(|n| one(kind, n)).collect();
    let list = serde_json::to_string(&list).unwrap();
    format!("'{{{}}}'", &list[1..list.len() - 1])
}

/// The values of a page: each list as long as it, or one of them with a single value, as what all of a page share has.
fn of_a_page(types: &[&str]) -> Vec<Vec<String>> {
    let lists = (0..types.len()).filter(|at| types[*at].ends_with("Array"));
    let shared = [None].into_iter().chain(lists.map(Some));
    let row = |shared: Option<usize>| {
        let types = types.iter().enumerate();
        let row = types.map(|(at, kind)| values(kind, if shared == Some(at) { 1 } else { PAGE }));
        row.collect()
    };
    shared.map(row).collect()
}

/// Where a plan goes through a list of a page anew for each of another one.
fn compared_one_by_one(plan: &Value) -> Vec<String> {
    let children = plan["Plans"].as_array().map_or(&[][..], Vec::as_slice);
    let mut found: Vec<String> = children.iter().flat_map(compared_one_by_one).collect();
    let filter = ["Join Filter", "Filter"]
        .iter()
        .find_map(|name| plan.get(*name)?.as_str());
    let Some(filter) = filter.filter(|filter| !filter.contains("hashed")) else {
        return found;
    };
    let is_loop = plan["Node Type"] == "Nested Loop";
    for child in children {
        let relation = child["Parent Relationship"].as_str().unwrap();
        if (relation == "SubPlan" || relation == "Inner" && is_loop) && is_a_long_list(child) {
            found.push(filter.to_owned());
        }
    }
    found
}

/// Whether a node of a plan hands out a list of a page, or keeps one at hand.
fn is_a_long_list(node: &Value) -> bool {
    let is_list = node["Node Type"] == "CTE Scan" || node["Node Type"] == "Function Scan";
    let is_long = node["Plan Rows"].as_u64().unwrap() > UNKNOWN;
    is_list && is_long || node["Node Type"] == "Materialize" && is_a_long_list(&node["Plans"][0])
}

#[tokio::test]
async fn no_statement_compares_each_of_a_page_with_each() {
    let statements = planned("force_custom_plan", "FORMAT JSON", of_a_page).await;
    let (mut wrong, mut needed) = (Vec::new(), HashSet::new());
    for Statement { text, plan } in &statements {
        let plan: Value = serde_json::from_str(plan).unwrap();
        let compared = compared_one_by_one(&plan[0]["Plan"]);
        if compared.is_empty() {
            continue;
        }
        match MAY_COMPARE.iter().find(|(part, _)| text.contains(part)) {
            Some((part, _)) => _ = needed.insert(part),
            None => wrong.push(format!("{compared:?} in {text}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    for (part, _) in &MAY_COMPARE {
        let still = needed.contains(part);
        assert!(still, "an exception that nothing needs any more: {part}");
    }
}
