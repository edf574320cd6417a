module bottle.test

go 1.19
