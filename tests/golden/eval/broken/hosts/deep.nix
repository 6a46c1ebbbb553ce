{ drv }:
let
  f = n:
    if n == 0
    then throw "deep down"
    else f (n - 1);
in
drv "deep" { x = f 3; }
