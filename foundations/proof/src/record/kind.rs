//! The coded words of a record: kinds, modes, actor classes, outcomes (tables of spec/record.md).

macro_rules! coded {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal, $text:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $name { $($(#[$variant_doc])* $variant = $code,)+ }

        impl $name {
            /// From its code in a record.
            pub fn from_code(code: u64) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }

            /// Its code in a record.
            pub fn code(self) -> u64 {
                self as u64
            }

            /// Its word in the spec, in JSON and on screen.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

coded!(
    /// What sort of fact a record states.
    Kind {
        /// Index 0: the log's key.
        Genesis = 0, "genesis";
        /// An act is about to happen.
        Intent = 1, "intent";
        /// What became of it.
        Outcome = 2, "outcome";
        /// An act that policy refused.
        Deny = 3, "deny";
        /// Reserved.
        Approval = 4, "approval";
        /// Its signature covers the sealed records before it.
        Seal = 5, "seal";
        /// Another key signs from here on.
        Rotate = 6, "rotate";
        /// A key's signatures are worth less.
        Revoke = 7, "revoke";
        /// Reserved.
        Epoch = 8, "epoch";
        /// Reserved.
        Anchor = 9, "anchor";
        /// Reserved.
        Settle = 10, "settle";
        /// Reserved.
        Witness = 11, "witness";
        /// The log was alive.
        Heartbeat = 12, "heartbeat";
        /// Values behind commitments were destroyed.
        Erase = 13, "erase";
        /// Reserved.
        Gap = 14, "gap";
        /// The log is closed.
        Terminal = 15, "terminal";
        /// Reserved.
        Fork = 16, "fork";
        /// A high-rate observation inside an act.
        Detail = 17, "detail";
    }
);

impl Kind {
    /// Its fields are not yet specified: a verifier that meets it has no verdict.
    pub fn is_reserved(self) -> bool {
        matches!(self, Self::Approval | Self::Epoch | Self::Anchor | Self::Settle | Self::Witness | Self::Gap | Self::Fork)
    }

    /// May its records be covered by a later seal's signature in place of their own?
    pub fn may_be_sealed(self) -> bool {
        matches!(self, Self::Witness | Self::Heartbeat | Self::Gap | Self::Detail)
    }
}

coded!(
    /// How a record is signed.
    Mode {
        /// By a signature of its own.
        Each = 0, "each";
        /// By that of a later seal.
        Sealed = 1, "sealed";
    }
);

coded!(
    /// Who acted.
    ActorClass {
        /// The owner of the machine; id: key id.
        Operator = 0, "operator";
        /// A task running under permits.
        Agent = 1, "agent";
        /// A model; id: its digest.
        Brain = 2, "brain";
        /// Somebody else who was let in.
        User = 3, "user";
        /// Mickai itself; id: zero.
        System = 4, "system";
    }
);

coded!(
    /// How an act ended.
    OutcomeCode {
        /// As intended.
        Executed = 0, "executed";
        /// It was tried and did not succeed.
        Failed = 1, "failed";
        /// It was never tried.
        NotAttempted = 2, "not_attempted";
        /// Its permit ran out.
        TimedOut = 3, "timed_out";
        /// A crash cut it off; nobody knows.
        Unknown = 4, "outcome_unknown";
    }
);
