module bottle.bench/day

go 1.19

require bottle.test v0.0.0

replace bottle.test => ../../tests/go
