//! Signed deliveries, as bytes that are ready to be written to a socket. What differs between two is patched in place, and
//! signing is done beforehand: whatever the generator spends is taken from the server beside it.

use anyhow::{Context, Result};
use dover_ashby_sync::{
    dover::signature::{WebhookSecret, sign},
    plan::identity::IdentityKey,
};

/// Where the number of the candidate stands in the body.
pub(crate) const CANDIDATE: &str = "00000000";
/// Candidates that take turns.
const CANDIDATES: usize = 20_000;
/// Where the number of the delivery stands in its id.
const NUMBER: &str = "0000000000";
/// Where the signature stands: 32 bytes in base64.
const SIGNATURE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// About 1 KiB, of the shape of the delivery contract.
pub(crate) const BODY: &str = r#"{"type":"candidate.stage_changed","timestamp":"2026-01-02T10:00:02.113Z","data":{"candidate":{"id":"cand_00000000","name":"Ada 00000000 Lovelace","email":"ada.00000000@example.com","alternate_emails":["lovelace.00000000@work.example"],"phone":"+44 20 7946 0000","linkedin_url":"https://www.linkedin.com/in/ada-lovelace-00000000/","social_urls":{"github":"https://github.com/ada-00000000"},"title":"Staff Engineer","company":"Analytical Engines","location":{"city":"London","region":"England","country":"United Kingdom"},"fields":{"seniority":"staff","skills":["rust","sql","distributed systems","postgres","http"],"summary":"Twelve years of building things that count: engines, compilers, ledgers, and the teams that keep them going. Moved from numbers to notes and back again. Looking for a place where correctness is not an afterthought.","sourced_by":"search","languages":["en","fr"]}},"job":{"id":"job_42","title":"Staff Engineer"},"stage":"replied","stage_name":"Responded","status":"active","owner":{"email":"sourcer@example.com"},"updated_at":"2026-01-02T09:59:58Z"}}"#;

/// What tells the candidate of that number from others.
pub(crate) fn identities(number: u32) -> Vec<IdentityKey> {
    let emails = [
        format!("ada.{number:08}@example.com"),
        format!("lovelace.{number:08}@work.example"),
    ];
    let profile = format!("https://www.linkedin.com/in/ada-lovelace-{number:08}/");
    let emails = emails.iter().filter_map(|it| IdentityKey::email(it));
    emails.chain(IdentityKey::linkedin(&profile)).collect()
}

/// The deliveries of one run.
pub(crate) struct Deliveries {
    secret: WebhookSecret,
    /// Tells the ids of one run from those of others.
    run: String,
    signed_at: i64,
    signatures: Vec<String>,
    template: Vec<u8>,
    numbers: Vec<usize>,
    candidates: Vec<usize>,
    signature: usize,
    body: usize,
}

impl Deliveries {
    /// Deliveries to `path`, the first `ready` of them signed.
    pub(crate) fn new(
        secret: &str,
        path: &str,
        run: &str,
        signed_at: i64,
        ready: usize,
    ) -> Result<Self> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: figures\r\ncontent-type: application/json\r\n\
             webhook-id: {run}_{NUMBER}\r\nwebhook-timestamp: {signed_at}\r\nwebhook-signature: v1,{SIGNATURE}\r\n\
             content-length: {}\r\n\r\n",
            BODY.len()
        );
        let text = format!("{head}{BODY}");
        let body = head.len();
        let at = |needle: &str| text.match_indices(needle).map(|(at, _)| at).collect();
        let mut deliveries = Self {
            secret: WebhookSecret::parse(secret)?,
            run: run.to_owned(),
            signed_at,
            signatures: Vec::with_capacity(ready),
            signature: text.find(SIGNATURE).context("a place for the signature")?,
            numbers: vec![text.find(NUMBER).context("a place for the number")?],
            candidates: Vec::clone(&at(CANDIDATE)),
            template: text.into_bytes(),
            body,
        };
        deliveries.candidates.retain(|at| *at >= body);
        for number in 0..ready {
            let signature = deliveries.sign(number);
            deliveries.signatures.push(signature);
        }
        Ok(deliveries)
    }

    /// Puts the delivery of that number into `request`.
    pub(crate) fn write(&self, number: usize, request: &mut Vec<u8>) {
        request.clear();
        request.extend_from_slice(&self.template);
        self.number(number, request);
        match self.signatures.get(number) {
            Some(signature) => put(request, self.signature, signature.as_bytes()),
            None => put(request, self.signature, self.sign(number).as_bytes()),
        }
    }

    /// How many are signed.
    pub(crate) fn ready(&self) -> usize {
        self.signatures.len()
    }

    fn number(&self, number: usize, request: &mut [u8]) {
        for at in &self.numbers {
            digits(&mut request[*at..*at + NUMBER.len()], number);
        }
        for at in &self.candidates {
            digits(
                &mut request[*at..*at + CANDIDATE.len()],
                number % CANDIDATES,
            );
        }
    }

    fn sign(&self, number: usize) -> String {
        let mut request = self.template.clone();
        self.number(number, &mut request);
        let id = format!("{}_{number:010}", self.run);
        let headers = sign(&self.secret, &id, self.signed_at, &request[self.body..]);
        let [.., (_, signature)] = headers;
        signature.trim_start_matches("v1,").to_owned()
    }
}

fn put(request: &mut [u8], at: usize, bytes: &[u8]) {
    request[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Writes `number` into `place`, with leading zeros.
fn digits(place: &mut [u8], mut number: usize) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}
