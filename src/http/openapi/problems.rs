//! Which problems each operation may answer with.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::{id, operations};
use crate::{
    dover::payload::Fault,
    http::{
        access,
        api::exclusions,
        ashby_webhook::NO_SECRET,
        problem::{ApiError, Code, Problem},
    },
    store::{brake::QuestionStatus, token::Role},
    sync::{
        answer::AnswerError,
        erase::EraseError,
        exclude::{ImportError, NotAList},
        register::RegisterError,
        settings::ChangeError,
        tokens::TokenError,
        undo::UndoError,
    },
};

/// What an operation answers beyond what its place, its parameters and its body make possible.
fn of_its_own(operation: &str) -> &'static [Code] {
    match operation {
        "createConnection" => &[
            Code::NameTaken,
            Code::ConnectionNeedsAttention,
            Code::AshbyKeyRefused,
            Code::AshbyUnavailable,
        ],
        "changeConnection" => &[
            Code::ConnectionNeedsAttention,
            Code::AshbyKeyRefused,
            Code::AshbyUnavailable,
        ],
        "checkConnection" | "exportExclusions" => {
            &[Code::ConnectionNeedsAttention, Code::AshbyUnavailable]
        }
        "resyncProspect" => &[
            Code::ConnectionNeedsAttention,
            Code::InvalidFields,
            Code::AshbyUnavailable,
        ],
        "registerJob" | "changeJob" => &[
            Code::AlreadyRegistered,
            Code::ConnectionNeedsAttention,
            Code::NotAnAshbyJob,
            Code::JobNotVisible,
            Code::JobNotOpen,
            Code::TitleMismatch,
            Code::AshbyUnavailable,
        ],
        "changeFieldMap" | "changeSettings" | "changeJobSettings" | "changeUserSettings" => &[
            Code::SettingLocked,
            Code::ConnectionPaused,
            Code::ConnectionNeedsAttention,
            Code::AshbyUnavailable,
            Code::Busy,
        ],
        "changeSettingLocks" => &[Code::SettingLocked],
        "replayDelivery" => &[Code::InvalidDelivery],
        "createToken" => &[Code::NameTaken],
        "revokeToken" | "changeBootstrapToken" => &[Code::LastAdminToken],
        "importExclusions" => &[Code::UnreadableList],
        "commitExclusionImport" => &[Code::ImportUnderWay],
        "erasePerson" => &[Code::WriteUnderWay],
        "startFlush" => &[
            Code::ConnectionPaused,
            Code::ConnectionNeedsAttention,
            Code::Busy,
        ],
        "previewFlush" | "replayDeliveries" => &[
            Code::ConnectionPaused,
            Code::ConnectionNeedsAttention,
            Code::AshbyUnavailable,
            Code::Busy,
        ],
        "approveFlush" | "refuseFlush" => &[Code::FlushRunning, Code::BrakeAnswered],
        "previewUndo" => &[
            Code::ConnectionPaused,
            Code::ConnectionNeedsAttention,
            Code::FlushRunning,
            Code::CannotBeUndone,
            Code::AshbyUnavailable,
            Code::Busy,
        ],
        "undoFlush" => &[
            Code::ConnectionPaused,
            Code::ConnectionNeedsAttention,
            Code::FlushRunning,
            Code::CannotBeUndone,
        ],
        "receiveDelivery" | "receiveDefaultDelivery" | "delivery" => &[
            Code::InvalidRequest,
            Code::NotFound,
            Code::TooLarge,
            Code::BadSignature,
            Code::InvalidDelivery,
            Code::DatabaseUnavailable,
            Code::Busy,
            Code::Internal,
        ],
        "receiveAshbyWebhook" | "receiveDefaultAshbyWebhook" => &[
            Code::InvalidRequest,
            Code::NotFound,
            Code::TooLarge,
            Code::BadSignature,
            Code::InvalidDelivery,
            Code::NotSetUp,
            Code::DatabaseUnavailable,
            Code::Busy,
            Code::Internal,
        ],
        "health" => &[Code::Unauthorized, Code::Forbidden],
        "metrics" => &[
            Code::Unauthorized,
            Code::Forbidden,
            Code::DatabaseUnavailable,
        ],
        "ready" => &[Code::DatabaseUnavailable, Code::Busy],
        _ => &[],
    }
}

/// Adds to each operation the problems that it may answer with, and says what each code means.
pub(super) fn describe(document: &mut Value) {
    let mut responses = Map::new();
    for operation in operations(document) {
        let codes = codes(operation);
        let Some(answers) = operation["responses"].as_object_mut() else {
            continue;
        };
        let mut statuses: Vec<u16> = codes.iter().map(|code| code.status().as_u16()).collect();
        statuses.sort_unstable();
        statuses.dedup();
        for status in statuses {
            let here = codes.iter().copied();
            let here: Vec<Code> = here.filter(|code| code.status() == status).collect();
            let name = name(&here);
            let reference = format!("#/components/responses/{name}");
            answers.insert(status.to_string(), json!({ "$ref": reference }));
            responses.entry(name).or_insert_with(|| response(&here));
        }
    }
    let into = document["components"]["responses"].as_object_mut();
    into.expect("the frame has responses").extend(responses);
    document["components"]["schemas"]["Code"]["description"] = meanings().into();
}

/// Every code that an operation may answer with, in the order of the closed set.
fn codes(operation: &Map<String, Value>) -> Vec<Code> {
    let parameters = operation.get("parameters").and_then(Value::as_array);
    let takes = |place: &str| {
        let mut parameters = parameters.into_iter().flatten();
        parameters.any(|parameter| parameter["in"] == place)
    };
    // What needs a token says nothing of security: that is the rule.
    let is_admins = !operation.contains_key("security");
    let reads_body = is_admins && operation.contains_key("requestBody");
    let mut codes = of_its_own(id(operation)).to_vec();
    if is_admins {
        codes.extend([
            Code::Unauthorized,
            Code::Forbidden,
            Code::DatabaseUnavailable,
            Code::Internal,
        ]);
        codes.extend(takes("path").then_some(Code::NotFound));
        codes.extend((takes("query") || reads_body).then_some(Code::InvalidRequest));
    }
    if reads_body {
        codes.extend([
            Code::InvalidFields,
            Code::TooLarge,
            Code::UnsupportedMediaType,
        ]);
    }
    let is_one = |code: &Code| codes.contains(code);
    Code::ALL.into_iter().filter(is_one).collect()
}

/// What a code is called: `not-found`.
fn word(code: Code) -> String {
    let word = serde_json::to_value(code).ok();
    let word = word.and_then(|word| word.as_str().map(str::to_owned));
    word.expect("a code is written as a text")
}

/// What a set of codes is called: `JobNotOpenOrTitleMismatch`.
fn name(codes: &[Code]) -> String {
    let names: Vec<String> = codes.iter().map(|code| format!("{code:?}")).collect();
    names.join("Or")
}

fn response(codes: &[Code]) -> Value {
    let said = codes
        .iter()
        .map(|code| format!("`{}`: {}.", word(*code), code.title()));
    let said: Vec<String> = said.collect();
    let examples = codes.iter().map(|code| {
        let value = json!({ "summary": code.title(), "value": sample(*code) });
        (word(*code), value)
    });
    let mut response = json!({
        "description": said.join(" "),
        "content": { "application/problem+json": {
            "schema": { "$ref": "#/components/schemas/Problem" },
            "examples": examples.collect::<Map<_, _>>(),
        } },
    });
    if codes.contains(&Code::Unauthorized) {
        let schema = json!({ "type": "string", "const": "Bearer" });
        let header = json!({ "description": "What is wanted.", "schema": schema });
        response["headers"] = json!({ "WWW-Authenticate": header });
    }
    if codes.iter().any(|code| code.status() == 503) {
        let schema = json!({ "type": "string", "pattern": "^[0-9]+$" });
        let header = json!({ "description": "Seconds to wait.", "schema": schema });
        response["headers"] = json!({ "Retry-After": header });
    }
    response
}

fn meanings() -> String {
    let mut said =
        "What kind of problem it is. A closed set; clients may match on it.\n".to_owned();
    for code in Code::ALL {
        let status = code.status().as_u16();
        let _ = write!(said, "\n- `{}` ({status}): {}", word(code), code.title());
    }
    said
}

/// A problem of that kind, as it might be.
pub(super) fn sample(code: Code) -> Problem {
    let new = |detail: &str| ApiError::new(code, detail);
    let error = match code {
        Code::InvalidRequest => new("Correct the query parameters that `faults` names.")
            .with_faults(vec![Fault::new(
                "/limit",
                "expected a whole number from 1 to 200",
            )]),
        Code::InvalidFields => ApiError::field(
            "/titel",
            "\"titel\" is not known here; did you mean \"title\"? Known are dover_job_id, ashby_job, title",
        ),
        Code::Unauthorized => new("Send a token as `Authorization: Bearer <token>`."),
        Code::Forbidden => access::forbidden(Role::Member, Role::Admin),
        Code::BadSignature => new("no signature in webhook-signature matches"),
        Code::NotFound => ApiError::not_found("connection"),
        Code::MethodNotAllowed => new("The header `Allow` names the methods that this path takes."),
        Code::TooLarge => new("Bodies of at most 1 MiB are read."),
        Code::UnsupportedMediaType => {
            new("Send a JSON object with `Content-Type: application/json`.")
        }
        Code::NameTaken => RegisterError::NameTaken.into(),
        Code::AlreadyRegistered => RegisterError::AlreadyRegistered("Dover job").into(),
        Code::ConnectionPaused => new("The connection is paused. Resume it first."),
        Code::ConnectionNeedsAttention => {
            new("The key lacks candidates:write. Mend that, then check the connection.")
        }
        Code::FlushRunning => UndoError::Running.into(),
        Code::BrakeAnswered => AnswerError::Answered {
            title: "Staff Engineer".to_owned(),
            status: QuestionStatus::Approved,
        }
        .into(),
        Code::CannotBeUndone => UndoError::IsAnUndo.into(),
        Code::WriteUnderWay => EraseError::WriteUnderWay.into(),
        Code::LastAdminToken => TokenError::LastAdmin.into(),
        Code::AshbyKeyRefused => {
            RegisterError::KeyRefused("Ashby refused the key.".to_owned()).into()
        }
        Code::AshbyUnavailable => new("Ashby did not answer within 30 seconds. Try again later."),
        Code::TitleMismatch => RegisterError::TitleMismatch {
            ashby_title: "Staff Engineer".to_owned(),
        }
        .into(),
        Code::JobNotOpen => RegisterError::JobNotOpen {
            title: "Staff Engineer".to_owned(),
            status: "closed".to_owned(),
        }
        .into(),
        Code::JobNotVisible => RegisterError::JobNotVisible.into(),
        Code::SettingLocked => ChangeError::Locked {
            key: "sync.trigger",
            lock: "sync".to_owned(),
        }
        .into(),
        Code::NotAnAshbyJob => RegisterError::NotAnAshbyJob.into(),
        Code::UnreadableList => {
            ImportError::NotAList(NotAList::SomethingElse("a PNG image")).into()
        }
        Code::ImportUnderWay => exclusions::still_read(),
        Code::InvalidDelivery => new("Correct what `faults` names.").with_faults(vec![Fault::new(
            "/data/updated_at",
            "is required: expected an RFC 3339 time with a zone, such as 2026-11-21T09:59:58Z",
        )]),
        Code::NotSetUp => new(NO_SECRET),
        Code::DatabaseUnavailable => {
            new("The database does not answer. Try again in a few seconds.")
        }
        Code::Busy => new("More waits than can be answered soon. Try again in a few seconds."),
        Code::Internal => new("It is logged; try again, and report it if it stays."),
    };
    error.problem().clone()
}
