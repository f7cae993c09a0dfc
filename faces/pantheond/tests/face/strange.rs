//! What answers where a node should, and is none.

use crate::common::Machine;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};

/// It says that a piece has as many bytes as a number holds, and sends them.
#[test]
fn an_answer_without_an_end_is_not_read() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let machine = Machine::at(listener.local_addr().unwrap());
    let endless = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 4_096]).unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\nffffffffffffffff\r\n").unwrap();
        let mut sent = 0;
        while stream.write_all(&[b'x'; 1 << 16]).is_ok() {
            sent += 1 << 16;
        }
        sent
    });
    machine.run(&["status"]).code(1).says(&["is it a node"]);
    let sent = endless.join().unwrap();
    assert!(sent < 32 << 20, "{sent} bytes were taken");
}
