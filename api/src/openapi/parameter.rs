//! Parameters, described beside the extractors that read them.

use utoipa::openapi::{
    Required,
    path::{Parameter, ParameterBuilder, ParameterIn},
    schema::ObjectBuilder,
};

/// A parameter of the query that may be left out.
pub(crate) fn query(name: &str, description: &str, schema: ObjectBuilder) -> Parameter {
    described(ParameterIn::Query, name, description, schema)
}

/// A header that may be left out.
pub(crate) fn header(name: &str, description: &str, schema: ObjectBuilder) -> Parameter {
    described(ParameterIn::Header, name, description, schema)
}

fn described(place: ParameterIn, name: &str, description: &str, schema: ObjectBuilder) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}
