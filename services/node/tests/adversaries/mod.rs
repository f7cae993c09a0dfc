//! Those who attack the handshake, one file each: the first sentence says how they cheat.

pub mod wire;

mod tamperer;

mod truncator;

mod replayer;

mod relay;

mod reflector;

mod impostor;

mod stranger;

mod downgrader;

mod weak_sharer;

mod flooder;

mod foreigner;

mod key_thief;
