module bottle.bench/splice

go 1.19
