#pragma once

// Pieces of patterns, which only the preprocessor can put together in a table that needs no code at
// start-up.

// Left boundary: the token begins the text or follows a byte that cannot belong to a name. Behind a
// percent-encoded or JSON-escaped byte it is found in the decoded form.
#define BOTTLE_LEFT "(?:^|[^A-Za-z0-9_\\-])"
// For tokens whose letters standard base64 has too: not inside such text either.
#define BOTTLE_LEFT_OF_BASE64 "(?:^|[^A-Za-z0-9_\\-+/])"
// Between a setting's name and its value: `NAME=`, `name: "`, `"name": "`, `name => '`.
#define BOTTLE_IS "[\"'`]?\\s{0,4}(?::|=|=>|:=)\\s{0,4}[\"'`]?"
// Between the words of a setting's name.
#define BOTTLE_JOINT "[_.\\- ]?"
