// Package control is how commands talk to the running service: a Unix socket that speaks HTTP, and the JSON shapes that commands and scripts share.
//
// Every answer is one object, or one object a line for streams, with a "schema" name that changes when the shape does. A failed request is answered with an Error object and a
// status code; nothing it says shows a secret. testdata shows every shape with every field. The socket is 0660, and a peer that is neither root, nor the service's own user, nor in the configured group is
// turned away by its kernel credentials, whatever the file's mode says.
package control
