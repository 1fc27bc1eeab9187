//! The rules of structured outputs with `strict: true`.

use serde_json::Value;

/// Checks that the root is an object, and that every object closes itself and requires all of its properties. The error
/// names the place.
pub(super) fn check(schema: &Value) -> Result<(), String> {
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        return Err("(), schema must be a JSON Schema of 'type: \"object\"'".to_owned());
    }
    check_at(schema, &mut Vec::new())
}

fn check_at<'a>(schema: &'a Value, place: &mut Vec<&'a str>) -> Result<(), String> {
    let wrong = |place: &[&str], why: &str| Err(format!("({}), {why}", place.join(", ")));
    let properties = schema.get("properties").and_then(Value::as_object);
    if schema.get("type").and_then(Value::as_str) == Some("object") || properties.is_some() {
        if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
            return wrong(place, "'additionalProperties' is required to be supplied and to be false");
        }
        let required = schema.get("required").and_then(Value::as_array);
        let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|required| required == name));
        if let Some(name) = properties.into_iter().flat_map(|all| all.keys()).find(|name| !is_required(name)) {
            return wrong(place, &format!("'required' must include every key in properties. Missing '{name}'"));
        }
    }
    if let Some(keyword) = ["allOf", "not", "if"].into_iter().find(|keyword| schema.get(keyword).is_some()) {
        return wrong(place, &format!("'{keyword}' is not permitted"));
    }
    for group in ["properties", "$defs"] {
        for (name, inner) in schema.get(group).and_then(Value::as_object).into_iter().flatten() {
            place.extend([group, name]);
            check_at(inner, place)?;
            place.truncate(place.len() - 2);
        }
    }
    let choices = schema.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    for inner in schema.get("items").into_iter().chain(choices) {
        place.push("items");
        check_at(inner, place)?;
        place.pop();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn root(item: &Value) -> Value {
        json!({"type": "object", "additionalProperties": false, "required": ["cards"],
            "properties": {"cards": {"type": "array", "items": item}}})
    }

    #[test]
    fn accepts_a_closed_schema() {
        let item = json!({"type": "object", "additionalProperties": false, "required": ["front"],
            "properties": {"front": {"type": ["string", "null"]}}});
        assert_eq!(check(&root(&item)), Ok(()));
    }

    #[test]
    fn names_the_place_of_what_is_wrong() {
        let open = json!({"type": "object", "properties": {}});
        let optional = json!({"type": "object", "additionalProperties": false, "properties": {"front": {}}});
        for (item, why) in
            [(open, "additionalProperties"), (optional, "Missing 'front'"), (json!({"not": {}}), "'not'")]
        {
            let error = check(&root(&item)).unwrap_err();
            assert!(error.starts_with("(properties, cards, items), ") && error.contains(why), "{error}");
        }
        assert!(check(&json!({"type": "array"})).is_err());
    }
}
