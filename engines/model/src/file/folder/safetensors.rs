//! Safetensors: u64 header length, a JSON header with type, shape and place of every tensor, then their bytes.

use crate::error::{Malformed, Part, Result, Unsupported};
use crate::file::gguf::Cursor;
use crate::file::json::{Json, parse};
use crate::limits;
use crate::tensor::{RowOrder, Source, Tensor};
use mickai_kernels::element::ElementType;
use std::collections::BTreeMap;

/// Adds the tensors of one file, whose name in the folder is `file`.
pub(crate) fn read(file: &str, source: &Source, tensors: &mut BTreeMap<String, Tensor>) -> Result<()> {
    let bytes = (**source).as_ref();
    let mut cursor = Cursor::new(bytes);
    let header_bytes = cursor.count(Part::HeaderBytes, limits::SAFETENSORS_HEADER_BYTES_MAX, 1)?;
    let header = parse(file, cursor.take(header_bytes)?, limits::SAFETENSORS_HEADER_BYTES_MAX)?;
    let data_start = cursor.position();
    let root = Json::new(file, &header);
    let entries = root.object()?;
    if entries.len() as u64 > limits::TENSOR_COUNT_MAX {
        return Err(Malformed::TooMany { what: Part::Tensors, count: entries.len() as u64, max: limits::TENSOR_COUNT_MAX }.into());
    }
    for name in entries.keys().filter(|name| *name != "__metadata__" && !is_buffer(name)) {
        let tensor = tensor(name, &root.field(name)?, source, data_start)?;
        if tensors.insert(name.clone(), tensor).is_some() {
            return Err(Malformed::Duplicate { what: Part::Tensors, name: name.as_str().into() }.into());
        }
    }
    Ok(())
}

/// Tables that older exports store although they follow from the settings.
fn is_buffer(name: &str) -> bool {
    name.ends_with(".rotary_emb.inv_freq")
}

fn tensor(name: &str, entry: &Json<'_>, source: &Source, data_start: usize) -> Result<Tensor> {
    let out = || Malformed::TensorRange { name: name.into() };
    let element = match entry.text("dtype")? {
        Some("F32") => ElementType::F32,
        Some("F16") => ElementType::F16,
        Some("BF16") => ElementType::Bf16,
        other => return Err(Unsupported::ElementType { name: name.into(), element: other.unwrap_or("(none)").into() }.into()),
    };
    let numbers = |key: &str| -> Result<Vec<usize>> {
        let items = entry.field(key)?.items()?;
        let number = |item: &Json<'_>| item.value().as_u64().and_then(|n| usize::try_from(n).ok());
        items.iter().map(|item| number(item).ok_or_else(|| out().into())).collect()
    };
    let shape = numbers("shape")?;
    let offsets = numbers("data_offsets")?;
    let &[begin, end] = &*offsets else { return Err(out().into()) };
    if shape.is_empty() || shape.len() as u64 > limits::TENSOR_DIMENSIONS_MAX || begin > end {
        return Err(out().into());
    }
    let range = data_start.checked_add(begin).zip(data_start.checked_add(end)).ok_or_else(out)?;
    Tensor::new(name.to_owned(), shape, element, RowOrder::Canonical, source.clone(), range.0..range.1).ok_or_else(|| out().into())
}
