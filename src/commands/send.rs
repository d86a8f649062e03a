//! `send`: signs a delivery and sends it to a running server.

use std::{fs, io::Read, path::Path};

use anyhow::{Context, Result, bail};
use secrecy::ExposeSecret;

use crate::{
    ashby::http_client,
    clock::{Clock, SystemClock},
    config::SendArgs,
    dover::signature::{WebhookSecret, sign},
    ids::fresh_uuid,
};

/// Sends what the arguments name and prints the answer. An answer other than 2xx is an error.
#[expect(
    clippy::print_stdout,
    reason = "the answer is the output of this command"
)]
pub async fn run(args: SendArgs) -> Result<()> {
    let body = read(args.file.as_deref())?;
    let secret =
        WebhookSecret::parse(args.secret.expose_secret()).context("DOVER_WEBHOOK_SECRET")?;
    let id = args
        .id
        .unwrap_or_else(|| format!("msg_{}", fresh_uuid().simple()));
    let mut request = http_client()
        .post(args.url.clone())
        .header("content-type", "application/json");
    for (name, value) in sign(&secret, &id, SystemClock.now().timestamp(), &body) {
        request = request.header(name, value);
    }
    let answer = request
        .body(body)
        .send()
        .await
        .with_context(|| format!("{} does not answer", args.url))?;
    let status = answer.status();
    println!("{status} {}", answer.text().await?);
    if !status.is_success() {
        bail!("the delivery {id} was not taken");
    }
    Ok(())
}

fn read(file: Option<&Path>) -> Result<Vec<u8>> {
    if let Some(file) = file.filter(|file| *file != Path::new("-")) {
        return fs::read(file).with_context(|| file.display().to_string());
    }
    let mut body = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut body)
        .context("standard input")?;
    Ok(body)
}
