//! Every endpoint this program calls, what it may do there, and which right of the key it needs.

/// One method of Ashby's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The method as it stands in the path, such as `candidate.create`.
    pub name: &'static str,
    /// Whether a call can change something. Such a call is repeated only when it surely had no effect.
    pub write: bool,
    /// The right that an API key must have, spelt as `apiKey.info` lists it.
    pub permission: &'static str,
}

const fn read(name: &'static str, permission: &'static str) -> Endpoint {
    Endpoint {
        name,
        write: false,
        permission,
    }
}

const fn write(name: &'static str, permission: &'static str) -> Endpoint {
    Endpoint {
        name,
        write: true,
        permission,
    }
}

pub(super) const API_KEY_INFO: Endpoint = read("apiKey.info", "apiKeys:read");
pub(super) const JOB_INFO: Endpoint = read("job.info", "jobs:read");
pub(super) const INTERVIEW_STAGE_LIST: Endpoint = read("interviewStage.list", "interviews:read");
pub(super) const SOURCE_LIST: Endpoint = read("source.list", "hiringProcessMetadata:read");
pub(super) const ARCHIVE_REASON_LIST: Endpoint =
    read("archiveReason.list", "hiringProcessMetadata:read");
pub(super) const CANDIDATE_SEARCH: Endpoint = read("candidate.search", "candidates:read");
pub(super) const CANDIDATE_INFO: Endpoint = read("candidate.info", "candidates:read");
pub(super) const CANDIDATE_LIST: Endpoint = read("candidate.list", "candidates:read");
pub(super) const CANDIDATE_CREATE: Endpoint = write("candidate.create", "candidates:write");
pub(super) const CANDIDATE_LIST_NOTES: Endpoint = read("candidate.listNotes", "candidates:read");
pub(super) const CANDIDATE_CREATE_NOTE: Endpoint =
    write("candidate.createNote", "candidates:write");
pub(super) const APPLICATION_INFO: Endpoint = read("application.info", "candidates:read");
pub(super) const APPLICATION_LIST: Endpoint = read("application.list", "candidates:read");
pub(super) const APPLICATION_CREATE: Endpoint = write("application.create", "candidates:write");
pub(super) const APPLICATION_CHANGE_STAGE: Endpoint =
    write("application.changeStage", "candidates:write");
pub(super) const CUSTOM_FIELD_LIST: Endpoint =
    read("customField.list", "hiringProcessMetadata:read");
pub(super) const CUSTOM_FIELD_SET_VALUES: Endpoint =
    write("customField.setValues", "candidates:write");
pub(super) const CANDIDATE_UPDATE: Endpoint = write("candidate.update", "candidates:write");

/// All of them, for a check that proves the key's rights and for the table in the documentation.
pub const ENDPOINTS: [Endpoint; 15] = [
    API_KEY_INFO,
    JOB_INFO,
    INTERVIEW_STAGE_LIST,
    SOURCE_LIST,
    ARCHIVE_REASON_LIST,
    CANDIDATE_SEARCH,
    CANDIDATE_INFO,
    CANDIDATE_LIST,
    CANDIDATE_CREATE,
    CANDIDATE_LIST_NOTES,
    CANDIDATE_CREATE_NOTE,
    APPLICATION_INFO,
    APPLICATION_LIST,
    APPLICATION_CREATE,
    APPLICATION_CHANGE_STAGE,
];
