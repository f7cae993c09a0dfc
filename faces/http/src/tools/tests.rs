//! What a caller's schemas become before anything looks at them.

use super::*;

/// What OpenAI's client for Node makes of `z.object({ … z.string().nullable() … })`, and what only looks like it.
#[test]
fn nullable_is_a_type_more() {
    let given = json!({
        "type": "object",
        "properties": {
            "city": { "type": "string", "nullable": true },
            "days": { "type": ["integer", "null"], "nullable": true },
            "unit": { "type": "string", "nullable": false },
            "nullable": { "type": "boolean" },
            "default": { "anyOf": [{ "type": "number", "nullable": true }] },
        },
        "default": { "type": "string", "nullable": true },
        "enum": [{ "type": "string", "nullable": true }],
    });
    let said = json!({
        "type": "object",
        "properties": {
            "city": { "type": ["string", "null"] },
            "days": { "type": ["integer", "null"] },
            "unit": { "type": "string" },
            "nullable": { "type": "boolean" },
            "default": { "anyOf": [{ "type": ["number", "null"] }] },
        },
        "default": { "type": "string", "nullable": true },
        "enum": [{ "type": "string", "nullable": true }],
    });
    assert_eq!(with_null(given.clone()), said);
    assert_eq!(schema_of(&json!({ "type": "json_schema", "json_schema": { "schema": given } })), Some(said.clone()));
    assert_eq!(Tool::of(&json!({ "name": "f", "parameters": given })).parameters, said);
    // Beside no type it would say nothing, and is refused like every such keyword.
    let alone = Form { schema: Some(with_null(json!({ "nullable": true }))), ..Form::default() };
    assert!(alone.check().is_err());
}
