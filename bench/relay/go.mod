module bottle.bench/relay

go 1.19

require bottle.test v0.0.0

replace bottle.test => ../../tests/go
