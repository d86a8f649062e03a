//! Ashby's API as schemas, to hold requests and answers against. `tests/fixtures/ashby` has a file for each endpoint
//! and `shared.json` for what they have in common; both come from Ashby's own document and recorded answers, so that
//! client and simulator cannot agree on the same mistake.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path, sync::LazyLock};

use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

struct Endpoint {
    request: Validator,
    response: Validator,
}

struct Schemas {
    endpoints: BTreeMap<String, Endpoint>,
    error: Validator,
}

static SCHEMAS: LazyLock<Schemas> = LazyLock::new(load);

/// Whether `body` is a request that `endpoint` documents; the error names each fault with its place.
pub(crate) fn check_request(endpoint: &str, body: &Value) -> Result<(), String> {
    check(&of(endpoint)?.request, body)
}

/// Whether `body` is an answer that `endpoint` gives, be it a refusal.
pub(crate) fn check_response(endpoint: &str, body: &Value) -> Result<(), String> {
    let endpoint = of(endpoint)?;
    if body["success"] == false {
        check(&SCHEMAS.error, body)
    } else {
        check(&endpoint.response, body)
    }
}

/// Holds every call of the simulator's record against the schemas, and fails with all that is wrong. Answers that a
/// fault spoilt are skipped, and those to a bad key, which are plain text; their requests are not.
#[track_caller]
pub(crate) fn check_calls(calls: &[Value]) {
    let mut faults = String::new();
    for call in calls {
        let endpoint = call["endpoint"].as_str().unwrap_or_default();
        let index = &call["index"];
        let mut note = |what: &str, verdict: Result<(), String>| {
            if let Err(fault) = verdict {
                let _ = writeln!(faults, "call {index}, {what} of {endpoint}: {fault}");
            }
        };
        note("request", check_request(endpoint, &call["request"]));
        if call["fault"].is_null() && call["response"].is_object() {
            note("answer", check_response(endpoint, &call["response"]));
        }
    }
    assert!(
        faults.is_empty(),
        "calls that Ashby does not know:\n{faults}"
    );
}

fn of(endpoint: &str) -> Result<&'static Endpoint, String> {
    let known = SCHEMAS.endpoints.get(endpoint);
    known.ok_or_else(|| format!("tests/fixtures/ashby has no {endpoint}.json"))
}

fn check(schema: &Validator, body: &Value) -> Result<(), String> {
    let faults: Vec<_> = schema
        .iter_errors(body)
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.join("; "))
    }
}

fn load() -> Schemas {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ashby");
    let mut files: BTreeMap<String, Value> = fs::read_dir(folder)
        .expect("the fixtures are part of the repository")
        .map(|entry| read(&entry.expect("a folder can be listed").path()))
        .collect();
    let shared = files.remove("shared").expect("shared.json is a fixture");
    let compile = |schema: &Value| compile(schema, &shared["$defs"]);
    let endpoints = files.into_iter().map(|(name, file)| {
        let endpoint = Endpoint {
            request: compile(&file["request"]),
            response: compile(&file["response"]),
        };
        (name, endpoint)
    });
    Schemas {
        endpoints: endpoints.collect(),
        error: compile(&json!({"$ref": "#/$defs/error"})),
    }
}

/// A fixture by its name without the ending. References to the shared file become local ones.
fn read(path: &Path) -> (String, Value) {
    let name = path.file_stem().expect("a fixture has a name");
    let text = fs::read_to_string(path).expect("a fixture is text");
    let text = text.replace("shared.json#/", "#/");
    let file = serde_json::from_str(&text).expect("a fixture is JSON");
    (name.to_string_lossy().into_owned(), file)
}

fn compile(schema: &Value, shared: &Value) -> Validator {
    let mut schema = schema.clone();
    schema["$defs"] = shared.clone();
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .build(&schema)
        .expect("a fixture is a schema")
}

#[test]
fn a_misspelt_field_is_found_in_a_request_and_in_an_answer() {
    let request = json!({"candidateId": "5e8ca0a5-7a64-4b27-8d1c-5b9cf7ed1ce6"});
    let fault = check_request("candidate.info", &request).expect_err("it takes id");
    assert!(fault.contains("candidateId"), "{fault}");
    let answer = json!({"success": true, "result": []});
    check_response("source.list", &answer).expect_err("it is results");
}

#[test]
fn an_id_that_is_no_uuid_is_found() {
    check_request("candidate.info", &json!({"id": "17"})).expect_err("17 is no UUID");
}

#[test]
fn every_shape_of_a_refusal_is_known() {
    for refusal in [
        json!({"success": false, "errors": ["job_not_found"]}),
        json!({"success": false, "errors": ["job_not_found"], "errorInfo": null}),
        json!({"success": false, "errors": ["job_not_found"], "errorInfo": {"code": "job_not_found"}}),
        json!({"success": false, "errors": [{"message": "missing", "parameter": "id"}]}),
    ] {
        check_response("job.info", &refusal).expect("Ashby refuses so");
    }
}
