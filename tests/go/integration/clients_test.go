package integration

func printClientTable() {}
