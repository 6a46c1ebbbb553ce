{ services.nope = true; }
