//! `mickai doctor`: is this machine in order, and how much memory does a model take?

use crate::args::Doctor;
use crate::failure::Failure;
use crate::out::{Out, code_after, size};
use mickai_runtime::{Check, CheckState, System};
use serde_json::{Value, json};

pub fn doctor(system: &System, args: &Doctor, out: Out) -> Result<u8, Failure> {
    if let Some(wanted) = &args.model {
        let (model, memory) = system.measure_memory(wanted)?;
        let fields = json!({
            "model": model.name,
            "tensor_bytes": memory.tensor_byte_count,
            "resident_before_bytes": memory.resident_before,
            "resident_after_bytes": memory.resident_after,
        });
        let text = || {
            let (tensors, before, after) = (size(memory.tensor_byte_count), size(memory.resident_before), size(memory.resident_after));
            format!("{}: tensors {tensors}; resident set {before} before, {after} after one token", model.name)
        };
        out.object(&fields, text)?;
        return Ok(0);
    }
    let checks = system.doctor()?;
    let printed = if out.json { checks.iter().try_for_each(|check| out.line(to_json(check).to_string())) } else { print(&checks, out) };
    code_after(printed, code(&checks))
}

/// 1 if anything is not in order.
pub fn code(checks: &[Check]) -> u8 {
    u8::from(checks.iter().any(|check| check.state == CheckState::Bad))
}

pub fn print(checks: &[Check], out: Out) -> Result<(), Failure> {
    checks.iter().try_for_each(|check| out.line(format!("{:<10} {:<15} {}", check.state.name(), check.what, check.found)))
}

pub fn to_json(check: &Check) -> Value {
    json!({ "what": check.what, "state": check.state.name(), "found": check.found })
}
