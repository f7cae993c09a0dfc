//! Answers: each endpoint asks the chain and makes JSON of what it says.

use super::ask::{self, Which};
use super::chain::{Chain, NotShown, NotTaken};
use super::events::Events;
use super::guard;
use super::limits::{BONDS_MAX, HISTORY_MAX, LIGHT_AT_ONCE, LIGHT_SENDING_MIB, PAGE_MAX};
use super::metrics::Metrics;
use super::openapi;
use super::refused::{Refused, Result};
use super::reply::{JSON, PROMETHEUS, Reply};
use super::routes::Endpoint;
use super::sending::held;
use super::view;
use base64ct::{Base64, Encoding};
use hyper::HeaderMap;
use hyper::body::Bytes;
use hyper::header::HeaderName;
use mickai_ledger::Ledger;
use mickai_proof::pantheon::{Block, Height, LightProof, Network, Totals};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Semaphore, watch};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What every connection shares.
pub struct App {
    /// The node.
    pub chain: Arc<dyn Chain>,
    /// What is counted.
    pub metrics: Metrics,
    /// The newest count of everything: it reads every entry, so it is made once a block at most.
    counted: Mutex<Option<(Height, Option<Totals>)>>,
    /// Places for light proofs in the making.
    proofs: Arc<Semaphore>,
    /// MiB for those that are being sent.
    sending: Arc<Semaphore>,
}

/// A request.
pub struct Call {
    /// What stood in the path where the route has a parameter.
    pub parameter: String,
    /// The query, as it came.
    pub query: String,
    /// The body.
    pub body: Bytes,
    /// The headers.
    pub headers: HeaderMap,
    /// From where.
    pub caller: IpAddr,
    /// Says when the server ends.
    pub ending: watch::Receiver<bool>,
}

impl App {
    /// For a node.
    pub fn new(chain: Arc<dyn Chain>) -> Self {
        let (proofs, sending) = (Arc::new(Semaphore::new(LIGHT_AT_ONCE)), Arc::new(Semaphore::new(LIGHT_SENDING_MIB)));
        Self { chain, metrics: Metrics::default(), counted: Mutex::default(), proofs, sending }
    }

    fn count(&self, ledger: &Ledger) -> Option<Totals> {
        // Held while it is counted: who asks at the same time waits for the same count.
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        match *counted {
            Some((height, totals)) if height == ledger.height() => totals,
            _ => counted.insert((ledger.height(), ledger.state().audit())).1,
        }
    }
}

/// Answers by an endpoint.
pub async fn answer(app: &Arc<App>, endpoint: Endpoint, call: Call) -> Result<Reply> {
    let ledger = app.chain.ledger();
    let network = ledger.head().network;
    let height = ledger.height();
    let found = match endpoint {
        Endpoint::Status => status(app, &ledger),
        Endpoint::Supply => return supply(app, ledger).await,
        Endpoint::Params => view::params(ledger.params()),
        Endpoint::Genesis => view::genesis(ledger.head()),
        Endpoint::Validators => view::validators(&ledger, BONDS_MAX),
        Endpoint::Account => {
            let address = ask::address(&call.parameter, network)?;
            view::account(&ledger, address).ok_or_else(|| Refused::missing("account of that address: nothing was ever sent to it"))?
        }
        Endpoint::History => history(app, &ledger, &call).await?,
        Endpoint::Log => {
            let log = ask::log(&call.parameter)?;
            view::log(height, log, ledger.state().log(log).ok_or_else(|| Refused::missing("log of that id"))?)
        }
        Endpoint::Name => {
            let name = ask::name(&call.parameter)?;
            view::name(height, &name, ledger.state().name(&name).ok_or_else(|| Refused::missing("such name"))?, network)
        }
        Endpoint::Block => block(app, &ledger, &call).await?,
        Endpoint::Transaction => {
            let id = ask::transaction_id(&call.parameter)?;
            let missing = || Refused::missing("final transaction of that id");
            let (height, index) = app.chain.locate(id).ok_or_else(missing)?;
            let block = app.chain.block(height).await.ok_or_else(missing)?;
            view::transaction(&block, index, network).ok_or_else(missing)?
        }
        Endpoint::Submit => return submit(app, &call, network).await,
        Endpoint::Light => return light(app, &call, network).await,
        Endpoint::Events => {
            let told = guard::one(&call.headers, &LAST_EVENT_ID)?.map(ask::last_event).transpose()?.unwrap_or(height);
            let counted = app.metrics.subscription(call.caller)?;
            return Ok(Reply::events(Events::after(app.chain.clone(), told, call.ending, counted)));
        }
        Endpoint::Health => json!({ "status": "ok" }),
        Endpoint::Ready if height == Height(0) => return Err(Refused::new(503, "not-ready", "no block is final yet")),
        Endpoint::Ready => json!({ "status": "ok" }),
        Endpoint::Metrics => return Ok(Reply::whole(200, PROMETHEUS, app.metrics.text(&ledger, &app.chain.standing(), &app.chain.metrics()).into())),
        Endpoint::OpenApi => openapi::document(),
    };
    Ok(Reply::json(200, &found))
}

fn status(app: &App, ledger: &Ledger) -> Value {
    let standing = app.chain.standing();
    let head = ledger.head();
    let seats = ledger.validators().keys().len();
    json!({
        "chain": ledger.chain().to_string(),
        "network": view::network(head.network),
        "name": head.name,
        "height": ledger.height().0,
        "tip": ledger.tip().to_string(),
        "time_ms": ledger.time_ms(),
        "state": ledger.state().root().to_string(),
        "epoch": standing.epoch,
        "waiting": { "transactions": standing.waiting, "bytes": standing.waiting_bytes },
        "is_validator": standing.is_validator,
        "seats": seats,
        "is_alone": seats == 1,
    })
}

async fn supply(app: &Arc<App>, ledger: Ledger) -> Result<Reply> {
    let counting = app.clone();
    let counted = tokio::task::spawn_blocking(move || view::supply(ledger.height(), counting.count(&ledger), ledger.state().totals())).await;
    counted.map(|value| Reply::json(200, &value)).map_err(|_| Refused::ending())
}

async fn submit(app: &Arc<App>, call: &Call, network: Network) -> Result<Reply> {
    let transaction = ask::transaction(&call.body)?;
    // A signature takes a while to verify, and others wait.
    let chain = app.chain.clone();
    let submitted = tokio::task::spawn_blocking(move || chain.submit(transaction)).await.unwrap_or(Err(NotTaken::Ending));
    let id = submitted.map_err(|why| Refused::of_transaction(&why, network))?;
    Ok(Reply::json(200, &json!({ "transaction": id.to_string() })))
}

async fn light(app: &Arc<App>, call: &Call, network: Network) -> Result<Reply> {
    let keys = ask::keys(&call.body, network)?;
    let place = app.proofs.clone().acquire_owned().await.map_err(|_| Refused::ending())?;
    let proof = app.chain.light(keys).await.map_err(Refused::of_proof)?;
    // It takes a while to encode, and others wait. The place goes with it, until its text is one of those that are being sent: whoever asked may be gone before.
    let sending = app.sending.clone();
    let made = tokio::task::spawn_blocking(move || {
        let told = told(&proof).map_err(Refused::of_proof).and_then(|text| held(text, &sending));
        drop((proof, place));
        told
    });
    let told = made.await.map_err(|_| Refused::ending())??;
    Ok(Reply::whole(200, JSON, told))
}

/// A light proof as JSON, unless no light client would take it.
fn told(proof: &LightProof) -> std::result::Result<String, NotShown> {
    let encoded = proof.encode();
    NotShown::check(proof.changes.len(), encoded.len())?;
    Ok(json!({ "height": proof.header.height.0, "proof": Base64::encode_string(&encoded) }).to_string())
}

async fn block(app: &App, ledger: &Ledger, call: &Call) -> Result<Value> {
    let page = ask::page(&call.query, PAGE_MAX)?;
    let block: Option<Arc<Block>> = match ask::block(&call.parameter)? {
        Which::Newest => app.chain.block(ledger.height()).await,
        Which::At(height) => app.chain.block(height).await,
        Which::Id(id) => app.chain.block_by_id(id).await,
    };
    let block = block.ok_or_else(|| Refused::missing("such final block, or it is not kept"))?;
    let network = ledger.head().network;
    let from = usize::try_from(page.from).unwrap_or(usize::MAX);
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let transactions: Vec<Value> = block.transactions.iter().skip(from).take(limit).map(|transaction| view::summary(transaction, network)).collect();
    Ok(json!({ "header": view::header(&block, network), "from": page.from, "transactions": transactions }))
}

async fn history(app: &App, ledger: &Ledger, call: &Call) -> Result<Value> {
    let network = ledger.head().network;
    let address = ask::address(&call.parameter, network)?;
    let page = ask::page(&call.query, HISTORY_MAX)?;
    let (from, limit) = (usize::try_from(page.from).unwrap_or(usize::MAX), usize::try_from(page.limit).unwrap_or(usize::MAX));
    let places = app.chain.history(address, from, limit);
    let (mut transactions, mut last) = (Vec::new(), None::<(Height, Option<Arc<Block>>)>);
    for (height, index) in places {
        // Neighbours often stand in one block.
        let block = match last {
            Some((of, block)) if of == height => block,
            _ => app.chain.block(height).await,
        };
        last = Some((height, block.clone()));
        let told = block.and_then(|block| block.transactions.get(index).map(|transaction| view::summary(transaction, network)));
        transactions.push(json!({ "height": height.0, "index": index, "transaction": told }));
    }
    Ok(json!({ "address": address.to_text(network), "transactions": transactions }))
}
