//! `pantheon node`: a node of a chain, until it is ended.

use crate::args::{Cli, Node};
use crate::config::{Config, public_key};
use crate::failure::Failure;
use crate::genesis;
use crate::key;
use crate::out::Out;
use crate::passphrase;
use crate::rpc::{self, Chain, Later, NotShown, NotTaken, Standing, Stop};
use mickai_ledger::Ledger;
use mickai_node::identity::PrivateKey;
use mickai_node::voted::MarkFile;
use mickai_node::{Handle, Keeping, Peer, Settings, SubmitError, Timing, launch};
use mickai_proof::digest::{BlockId, TransactionId};
use mickai_proof::pantheon::{Address, Block, Height, LightProof, StateKey, Transaction};
use serde_json::json;
use std::io::Read;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

/// What the engine says unless `RUST_LOG` says otherwise.
const SAID: &str = "warn";

pub fn node(cli: &Cli, args: &Node, out: Out) -> Result<u8, Failure> {
    let config = Config::read(&args.config)?;
    config.options().check().map_err(Failure::Serve)?;
    let settings = settings(cli, &config)?;
    say_on_standard_error();
    let chain = settings.genesis.head.id().to_string();
    let stop = Stop::default();
    end_with(&stop, args.tethered)?;
    let running = launch(settings).map_err(Failure::Node)?;
    let mut printed = Ok(());
    let served = rpc::serve(Arc::new(Follower(running.handle().clone())), &config.options(), &stop, |address| {
        let told = json!({ "rpc": address, "chain": chain, "pid": std::process::id() });
        printed = out.object(&told, || format!("chain {chain}\nRPC at {address}, peers at {}", config.listen));
    });
    // Where the node had ended by itself, that is why nobody is answered any more.
    running.stop().map_err(Failure::Node)?;
    served.map_err(Failure::Serve)?;
    printed.map(|()| 0)
}

fn settings(cli: &Cli, config: &Config) -> Result<Settings, Failure> {
    let peers = config.peers.iter().map(|peer| Ok(Peer { key: public_key(&peer.key)?, address: peer.address })).collect::<Result<_, Failure>>()?;
    Ok(Settings {
        folder: config.folder.clone(),
        genesis: genesis::read(&config.genesis)?,
        key: PrivateKey::from_seed_bytes(&key::seed(&passphrase::custody(cli), &config.key)?),
        marks: MarkFile::beside(&config.key),
        listen: config.listen,
        peers,
        timing: Timing { idle: Duration::from_millis(config.idle_ms), ..Timing::default() },
        keeping: Keeping { kept_blocks: config.kept_blocks, takes_snapshot: config.takes_snapshot, ..Keeping::default() },
        submits_evidence: config.submits_evidence,
        threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
    })
}

fn say_on_standard_error() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(SAID));
    // Another one is there already where a test runs a node in its own process.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}

/// Ends it on SIGINT, SIGTERM and SIGHUP; a tethered one also when whoever started it is gone, however that ended.
fn end_with(stop: &Stop, is_tethered: bool) -> Result<(), Failure> {
    let on_signal = stop.clone();
    ctrlc::set_handler(move || on_signal.stop()).map_err(Failure::Interrupts)?;
    if is_tethered {
        let on_end = stop.clone();
        std::thread::spawn(move || {
            // Nothing is ever said over it.
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            on_end.stop();
        });
    }
    Ok(())
}

/// A node as the RPC asks it.
struct Follower(Handle);

impl Chain for Follower {
    fn ledger(&self) -> Ledger {
        self.0.ledger()
    }

    fn submit(&self, transaction: Transaction) -> Result<TransactionId, NotTaken> {
        self.0.submit(transaction).map_err(|error| match error {
            SubmitError::Rejected(why) => NotTaken::Rejected(why),
            SubmitError::Known(id) => NotTaken::Known(id),
            SubmitError::TooFarAhead { nonce, next } => NotTaken::TooFarAhead { nonce, next },
            SubmitError::Underpriced { fee, least } => NotTaken::Underpriced { fee, least },
            SubmitError::SenderFull { bytes, most } => NotTaken::SenderFull { bytes, most },
            SubmitError::Full => NotTaken::Full,
            SubmitError::Stopped => NotTaken::Ending,
        })
    }

    fn block(&self, at: Height) -> Later<Option<Arc<Block>>> {
        let handle = self.0.clone();
        Box::pin(async move { handle.block(at).await?.block().cloned().map(Arc::new) })
    }

    fn block_by_id(&self, id: BlockId) -> Later<Option<Arc<Block>>> {
        let handle = self.0.clone();
        Box::pin(async move { handle.block_by_id(id).await?.block().cloned().map(Arc::new) })
    }

    fn locate(&self, id: TransactionId) -> Option<(Height, usize)> {
        self.0.locate(id).map(|place| (place.height, place.index))
    }

    fn kept_from(&self, at: Height) -> Option<Height> {
        self.0.kept_from(at)
    }

    fn history(&self, of: Address, from: usize, limit: usize) -> Vec<(Height, usize)> {
        self.0.history_from(of, from, limit).into_iter().map(|place| (place.height, place.index)).collect()
    }

    fn light(&self, keys: Vec<StateKey>) -> Later<Result<LightProof, NotShown>> {
        let handle = self.0.clone();
        Box::pin(async move {
            // Before anything of it is copied: a node that ran for years may have too much.
            let changes = handle.change_count();
            NotShown::check(changes, 0)?;
            let bytes = handle.light_bytes().await.map_err(|_| NotShown::Missing)?;
            NotShown::check(changes, bytes)?;
            handle.light(&keys).await.map_err(|_| NotShown::Missing)
        })
    }

    fn wait(&self, above: Height) -> Later<Option<Height>> {
        let handle = self.0.clone();
        Box::pin(async move { handle.wait(above).await })
    }

    fn standing(&self) -> Standing {
        let status = self.0.status();
        Standing { epoch: status.epoch, waiting: status.waiting_count, waiting_bytes: status.waiting_bytes, is_validator: status.is_validator }
    }

    fn metrics(&self) -> String {
        self.0.metrics()
    }
}
