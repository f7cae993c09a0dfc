//! Final blocks as a node tells of them, one after the other.

use super::http::{ANSWER_PATIENCE, Connection, Length};
use super::rpc::{refused, whole};
use crate::failure::Failure;
use serde_json::Value;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

/// Bytes of one event.
const EVENT_BYTES_MAX: usize = 64 << 10;

/// A stream of events.
pub struct Events {
    address: SocketAddr,
    connection: Connection,
    /// What came and is no whole event yet.
    rest: Vec<u8>,
}

impl Events {
    /// Listens; the first event is the block after that height, or the next one. A node that has no place for one more listener refuses with 429.
    pub fn open(address: SocketAddr, after: Option<u64>) -> Result<Self, Failure> {
        Self::open_within(address, after, ANSWER_PATIENCE)
    }

    /// The same at a node that answers within `patience`.
    pub fn open_within(address: SocketAddr, after: Option<u64>, patience: Duration) -> Result<Self, Failure> {
        let failed = |source| Failure::Rpc { address, source };
        let mut connection = Connection::open(address).map_err(failed)?;
        connection.set_patience(Some(patience)).map_err(failed)?;
        let after = after.map(|height| height.to_string());
        let headers: Vec<(&str, &str)> = after.iter().map(|height| ("last-event-id", height.as_str())).collect();
        connection.send("GET", "/v1/events", &headers, b"").map_err(failed)?;
        let head = connection.head().map_err(failed)?;
        match (head.status, &head.length) {
            (200, Length::Chunks) => Ok(Self { address, connection, rest: Vec::new() }),
            (200, Length::Known(_)) => Err(Failure::Answer { address, wanted: "stream of events" }),
            (status, length) => {
                let bytes = connection.body(length).map_err(failed)?;
                let value: Value = serde_json::from_slice(&bytes).map_err(|_| Failure::Answer { address, wanted: "stream of events" })?;
                Err(refused(status, &value))
            }
        }
    }

    /// The next block's header, or the gap that a node tells of in place of blocks that it does not keep; `None` where nothing came within `patience`.
    pub fn next(&mut self, patience: Duration) -> Result<Option<Value>, Failure> {
        let address = self.address;
        let failed = |source| Failure::Rpc { address, source };
        self.connection.set_patience(Some(patience)).map_err(failed)?;
        loop {
            if let Some(event) = self.whole() {
                if let Some(data) = event.lines().find_map(|line| line.strip_prefix("data: ")) {
                    return serde_json::from_str(data).map(Some).map_err(|_| Failure::Answer { address, wanted: "event in JSON" });
                }
                continue;
            }
            match self.more() {
                Ok(()) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Ok(None),
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// The first whole event of what came.
    fn whole(&mut self) -> Option<String> {
        let end = self.rest.windows(2).position(|pair| pair == b"\n\n")?;
        let event: Vec<u8> = self.rest.drain(..end + 2).collect();
        Some(String::from_utf8_lossy(&event).into_owned())
    }

    fn more(&mut self) -> io::Result<()> {
        if self.rest.len() > EVENT_BYTES_MAX {
            return Err(ErrorKind::InvalidData.into());
        }
        if self.connection.chunk(&mut self.rest)? { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
    }
}

/// Up to which height an event tells of final blocks: that of its block, or of the last one of its gap.
pub fn height(event: &Value) -> u64 {
    whole(event, if event["to"].is_u64() { "/to" } else { "/height" })
}

#[cfg(test)]
mod tests {
    use super::height;
    use serde_json::json;

    #[test]
    fn a_gap_reaches_as_far_as_a_block() {
        assert_eq!([height(&json!({ "height": 7, "id": "x" })), height(&json!({ "from": 1, "to": 299 }))], [7, 299]);
    }
}
