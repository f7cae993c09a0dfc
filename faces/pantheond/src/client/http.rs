//! As much of HTTP/1.1 as an answer of the RPC needs: a head, and a body of known length, in chunks, or to the end.

use std::io::{self, BufRead, BufReader, Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a node may take to connect.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// And to answer.
pub const ANSWER_PATIENCE: Duration = Duration::from_secs(120);
/// Bytes of a head's line, and lines of a head.
const LINE_BYTES_MAX: u64 = 16 << 10;
const LINES_MAX: usize = 64;
/// Bytes of an answer: a light proof in base64, and its frame.
const BODY_BYTES_MAX: u64 = 96 << 20;

/// A connection.
pub struct Connection {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
}

/// How a body comes.
pub enum Length {
    /// So many bytes.
    Known(u64),
    /// In chunks.
    Chunks,
}

/// The head of an answer.
pub struct Head {
    /// The status.
    pub status: u16,
    /// How the body comes.
    pub length: Length,
    /// The node ends the connection after it.
    pub is_last: bool,
}

impl Connection {
    /// Connects.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, CONNECT_PATIENCE)?;
        stream.set_read_timeout(Some(ANSWER_PATIENCE))?;
        stream.set_write_timeout(Some(ANSWER_PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { address, stream: BufReader::with_capacity(64 << 10, stream) })
    }

    /// Sends a request.
    pub fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<()> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.address);
        headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        if method == "POST" {
            head.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        // One piece: a head alone would wait for the other end's acknowledgement.
        self.stream.get_mut().write_all(&[head.as_bytes(), body].concat())
    }

    /// Reads the head of the answer.
    pub fn head(&mut self) -> io::Result<Head> {
        let first = self.line()?;
        let status = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|status| status.parse().ok()).ok_or(ErrorKind::InvalidData)?;
        let mut head = Head { status, length: Length::Known(0), is_last: false };
        for _ in 0..LINES_MAX {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(head);
            }
            let (name, value) = line.split_once(':').ok_or(ErrorKind::InvalidData)?;
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => head.length = Length::Known(value.parse().map_err(|_| ErrorKind::InvalidData)?),
                "transfer-encoding" if value.eq_ignore_ascii_case("chunked") => head.length = Length::Chunks,
                "connection" => head.is_last = value.eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
        Err(ErrorKind::InvalidData.into())
    }

    /// Reads a whole body.
    pub fn body(&mut self, length: &Length) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        match length {
            Length::Known(bytes) => self.take(*bytes, &mut body)?,
            Length::Chunks => while self.chunk(&mut body)? {},
        }
        Ok(body)
    }

    /// Reads one chunk into `body`; false after the last.
    pub fn chunk(&mut self, body: &mut Vec<u8>) -> io::Result<bool> {
        let size = self.line()?;
        let size = u64::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16).map_err(|_| ErrorKind::InvalidData)?;
        self.take(size, body)?;
        if self.line()?.is_empty() { Ok(size > 0) } else { Err(ErrorKind::InvalidData.into()) }
    }

    /// Waits for what comes next for so long, or for ever.
    pub fn set_patience(&self, patience: Option<Duration>) -> io::Result<()> {
        self.stream.get_ref().set_read_timeout(patience)
    }

    fn take(&mut self, bytes: u64, body: &mut Vec<u8>) -> io::Result<()> {
        if bytes > BODY_BYTES_MAX.saturating_sub(body.len() as u64) {
            return Err(Error::new(ErrorKind::InvalidData, "more than an answer has"));
        }
        let read = self.stream.by_ref().take(bytes).read_to_end(body)?;
        if read as u64 == bytes { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.stream.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        match line.strip_suffix(b"\r\n") {
            Some(line) => String::from_utf8(line.to_vec()).map_err(|_| ErrorKind::InvalidData.into()),
            None if line.is_empty() => Err(ErrorKind::UnexpectedEof.into()),
            None => Err(ErrorKind::InvalidData.into()),
        }
    }
}
